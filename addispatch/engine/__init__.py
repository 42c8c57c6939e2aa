"""What runs on deadlines and ticks: dispatch, housekeeping, the scheduler, and the operations users call."""
