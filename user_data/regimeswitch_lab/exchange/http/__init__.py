"""The HTTP and websocket side: handlers, responses, limits, streams."""
