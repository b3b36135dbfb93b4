"""What the use cases need from the outside: Protocols, their guarantees and their errors.

Each port's definition is the contract suite in ``pullsecret.testing.contracts``; every implementation, the
embedded one included, passes it unchanged. All methods are coroutines, and every failure they raise is a
:class:`~pullsecret.domain.errors.TransientError` or a :class:`~pullsecret.domain.errors.PermanentError`.
"""
