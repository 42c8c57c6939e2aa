"""The mails of the corpus, a module per family of mail programs. Imported by ``generate``."""
