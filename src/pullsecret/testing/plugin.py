"""The pytest plugin: fixtures for every test that uses pullsecret."""
