"""Tools around the bot: the embedded exchange and every command. A bot needs none of it."""
