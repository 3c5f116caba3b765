"""The parts of `python -m tests.benchmarks.portal_speed`: portals, clients, scenarios, results, plots."""
