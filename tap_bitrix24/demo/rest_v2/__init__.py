"""The demo portal's classic REST (`/rest/`): methods, batches, filters, paging, values as the real one writes them."""
