"""The configuration file: its models, loading it with all errors at once, and keeping secrets out of sight."""

from addispatch.config.loading import Document, Loaded, find, load, read
from addispatch.config.models import (
    ClusterConfig,
    Config,
    DispatchConfig,
    HttpConfig,
    InDoubtConfig,
    LimitsConfig,
    LogConfig,
    NodeConfig,
    PluginsConfig,
    StoreConfig,
)
from addispatch.config.secrets import dump_masked

__all__ = [
    "ClusterConfig",
    "Config",
    "DispatchConfig",
    "Document",
    "HttpConfig",
    "InDoubtConfig",
    "LimitsConfig",
    "Loaded",
    "LogConfig",
    "NodeConfig",
    "PluginsConfig",
    "StoreConfig",
    "dump_masked",
    "find",
    "load",
    "read",
]
