"""Deterministic simulation: the production use cases on the embedded world, with everything going wrong.

One seed is one history: who is there, what is asked, what fails and in which order ready work runs all follow
from it, in every process. See ``docs/simulation.md``.
"""
