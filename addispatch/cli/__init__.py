"""The command line. ``main`` is the program ``addispatch``; each command imports what it needs itself."""


def main() -> int:
    """Run the program and return its exit code: 0 done, 1 refused or failed, 2 wrong usage, 78 wrong configuration."""
    import gc

    gc.disable()  # imports make objects by the ten thousand and hardly any garbage: a daemon is there sooner
    from addispatch.cli.program import main as run

    gc.enable()
    return run()
