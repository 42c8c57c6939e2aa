"""Durable state: the ledger (SQL) and the directory (TinyDB on safe files)."""
