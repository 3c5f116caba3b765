"""The demo company: tables of deals, people, work and dictionaries, all made from one seed."""
