"""The demo portal: a Bitrix24 that errs as the real one does. Standard library only."""
