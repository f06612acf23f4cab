"""The dashboard: a local web page, live from the topics, with the services as buttons."""
