"""REST 3.0 (`/rest/api/`): other methods, parameters and errors than classic REST, over the same company."""
