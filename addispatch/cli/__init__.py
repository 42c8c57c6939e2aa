"""The command line. ``main`` is the program ``addispatch``; each command imports what it needs itself."""


def main() -> int:
    """Run the program and return its exit code: 0 done, 1 refused or failed, 2 wrong usage, 78 wrong configuration."""
    import gc

    # Imports make tens of thousands of objects and no garbage: looking for it took a tenth of the start.
    gc.set_threshold(50_000, 20, 50)
    from addispatch.cli.program import main as run

    return run()
