"""The command line. ``main`` is the program ``addispatch``; each command imports what it needs itself."""


def main() -> int:
    """Run the program and return its exit code: 0 done, 1 refused or failed, 2 wrong usage, 78 wrong configuration."""
    import gc
    import sys

    gc.disable()  # imports make objects by the ten thousand and hardly any garbage: a daemon is there sooner
    if sys.argv[1:2] == ["run"]:  # and sooner still without the other commands
        import addispatch.cli.daemon  # noqa: F401 - its import adds the command
        from addispatch.cli.guard import run_app as run
    else:
        from addispatch.cli.program import main as run

    gc.enable()
    return run()
