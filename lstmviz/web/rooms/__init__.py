"""Rooms: one presenter drives, and everybody else's page shows the same setting, each in their own language, theme and size."""
