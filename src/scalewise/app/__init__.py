"""The dashboard: layout, controls, the pump that keeps plots up to date, and the server that hosts it."""
