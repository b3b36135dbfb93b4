"""The configuration file: the design document's YAML plus what runs it (DDR "Configuration")."""

from pullsecret.entrypoints.configuration.load import load
from pullsecret.entrypoints.configuration.problems import ConfigurationError, Problem
from pullsecret.entrypoints.configuration.settings import Configuration

__all__ = ["Configuration", "ConfigurationError", "Problem", "load"]
