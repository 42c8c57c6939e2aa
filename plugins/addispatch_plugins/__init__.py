"""The built-in plugins: they use nothing but ``addispatch.sdk``, as anybody else's do."""
