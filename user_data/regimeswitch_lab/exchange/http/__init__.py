"""The HTTP and websocket side: requests, responses, limits, errors."""
