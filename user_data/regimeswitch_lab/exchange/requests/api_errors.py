"""The exchange's error answers: Binance's code, text and HTTP status."""


class ApiError(Exception):
    """An error answer of the exchange.

    :param code: Binance's error code, e.g. -1121
    :param message: text for the client
    :param status: HTTP status
    """

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    def body(self) -> dict[str, int | str]:
        """The JSON body of the answer."""
        return {"code": self.code, "msg": self.message}


def missing_parameter(name: str) -> ApiError:
    """A parameter that was not sent."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return ApiError(-1102, text)


def bad_number(name: str) -> ApiError:
    """A parameter that should have been a whole number."""
    text = f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
    return ApiError(-1100, text)


def bad_limit(most: int) -> ApiError:
    """A limit of nothing."""
    return ApiError(-1130, f"Data sent for parameter 'limit' is not valid; 1 to {most} is.")


def bad_list(name: str) -> ApiError:
    """A parameter that should have been a list of symbols."""
    return ApiError(-1100, f"Parameter '{name}' must be a list like [\"BTCUSDT\"].")


def invalid_symbol() -> ApiError:
    """A symbol that is not traded here."""
    return ApiError(-1121, "Invalid symbol.")


def invalid_interval(reason: str = "") -> ApiError:
    """A kline interval that Binance does not know, or that the candles cannot give."""
    return ApiError(-1120, f"Invalid interval. {reason}".rstrip())


def unknown_path(method: str, path: str) -> ApiError:
    """A path that the embedded exchange does not serve."""
    text = f"{method} {path} is not served by the embedded exchange."
    return ApiError(-1020, text, status=404)


def foreign_request(header: str) -> ApiError:
    """A request of a web page, or under a name that is not this machine's."""
    text = (
        f"You are not authorized to execute this request: {header[:100]!r} is not this exchange's; "
        "it answers programs on this machine, not web pages."
    )
    return ApiError(-1002, text, status=403)


def bad_key_format() -> ApiError:
    """A signed request without a key."""
    return ApiError(-2014, "API-key format invalid.", status=401)


def bad_key() -> ApiError:
    """A key that is not the account's."""
    text = "Invalid API-key, IP, or permissions for action."
    return ApiError(-2015, text, status=401)


def bad_signature() -> ApiError:
    """A signature that does not belong to the request."""
    return ApiError(-1022, "Signature for this request is not valid.")


def too_early() -> ApiError:
    """A timestamp from the future."""
    text = "Timestamp for this request was 1000ms ahead of the server's time."
    return ApiError(-1021, text)


def too_late() -> ApiError:
    """A timestamp that is older than the window that the request allows."""
    return ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def window_too_long() -> ApiError:
    """A window of more than a minute."""
    return ApiError(-1131, "recvWindow must be less than 60000.")


def illegal_characters(name: str, pattern: str) -> ApiError:
    """A parameter that is not written as it must be."""
    text = f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'."
    return ApiError(-1100, text)


def too_many_parameters(most: int, sent: int) -> ApiError:
    """More parameters than the path has."""
    return ApiError(-1101, f"Too many parameters; expected '{most}' and received '{sent}'.")


def unread_parameters(read: int, sent: int) -> ApiError:
    """Parameters that the path does not have."""
    text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
    return ApiError(-1104, text)


def repeated_symbol() -> ApiError:
    """A pair that stands twice in a list."""
    return ApiError(-1151, "Symbol is present multiple times in the list.")


def too_many_symbols(most: int) -> ApiError:
    """A list of more pairs than an answer holds."""
    text = f"'symbols' contains unexpected value. Cannot be greater than {most}."
    return ApiError(-1102, text)


def other_status() -> ApiError:
    """A pair in another status than the one that was asked for."""
    return ApiError(-1220, "The symbol's status does not match the requested symbolStatus.")


def bad_ticker() -> ApiError:
    """A form of ticker that does not exist."""
    return ApiError(-1139, "Invalid ticker type.")


def bad_strategy() -> ApiError:
    """A ``strategyType`` that Binance keeps for itself."""
    return ApiError(-1134, "strategyType was less than 1000000.")


def repeated_parameter() -> ApiError:
    """A parameter that was sent more than once."""
    return ApiError(-1101, "Duplicate values for a parameter detected.")


def empty_parameter(name: str) -> ApiError:
    """An optional parameter without a value."""
    return ApiError(-1105, f"Parameter '{name}' was empty.")


def needless_parameter(name: str) -> ApiError:
    """A parameter that does not go with the type of the order."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def one_of_two(first: str, second: str) -> ApiError:
    """Neither of two parameters was sent."""
    text = f"Param '{first}' or '{second}' must be sent, but both were empty/null!"
    return ApiError(-1102, text)


def too_precise(name: str) -> ApiError:
    """A number of more than eight decimals."""
    return ApiError(-1111, f"Parameter '{name}' has too much precision.")


def bad_choice(name: str) -> ApiError:
    """A word that is none of those that a parameter may have."""
    codes = {"timeInForce": -1115, "type": -1116, "side": -1117, "newOrderRespType": -1136}
    codes |= {"symbolStatus": -1122}
    words = {"type": "orderType"}
    code = codes.get(name, -1130)
    if code == -1130:
        return ApiError(code, f"Data sent for parameter '{name}' is not valid.")
    return ApiError(code, f"Invalid {words.get(name, name)}.")


def too_long_apart(hours: int) -> ApiError:
    """Two times with too much between them."""
    return ApiError(-1127, f"More than {hours} hours between startTime and endTime.")


def bad_combination() -> ApiError:
    """Optional parameters that do not go together."""
    return ApiError(-1128, "Combination of optional parameters invalid.")


def bad_restriction() -> ApiError:
    """A cancel restriction that does not exist."""
    text = "cancelRestrictions has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED."
    return ApiError(-1145, text)


def filter_failure(name: str) -> ApiError:
    """An order that one of the pair's filters does not let pass."""
    return ApiError(-1013, f"Filter failure: {name}")


def not_above_zero(word: str) -> ApiError:
    """A price or quantity of nothing."""
    return ApiError(-1013, f"Invalid {word}.")


def unsupported_kind(words: str) -> ApiError:
    """A type of order that Binance has and this exchange has not."""
    return ApiError(-1013, f"{words} orders are not supported for this symbol.")


def bad_stp_mode() -> ApiError:
    """A self-trade prevention that the pair does not have."""
    text = "This symbol does not allow the specified self-trade prevention mode."
    return ApiError(-1013, text)


def no_liquidity() -> ApiError:
    """A quote amount that does not buy, or does not take, one lot."""
    text = "Order book liquidity is less than LOT_SIZE filter minimum quantity."
    return ApiError(-2010, text)


def insufficient_balance() -> ApiError:
    """Less on the account than the order needs."""
    return ApiError(-2010, "Account has insufficient balance for requested action.")


def would_match() -> ApiError:
    """A maker order that would take."""
    return ApiError(-2010, "Order would immediately match and take.")


def would_trigger() -> ApiError:
    """A stop price that the market is already at or beyond."""
    return ApiError(-2010, "Stop price would trigger immediately.")


def duplicate_order() -> ApiError:
    """A client order id that an open order has."""
    return ApiError(-2010, "Duplicate order sent.")


def unknown_order() -> ApiError:
    """A cancel of an order that is not open."""
    return ApiError(-2011, "Unknown order sent.")


def restricted_cancel() -> ApiError:
    """A cancel of an order in another state than the one that was asked for."""
    return ApiError(-2011, "Order was not canceled due to cancel restrictions.")


def no_such_order() -> ApiError:
    """A query of an order that never was."""
    return ApiError(-2013, "Order does not exist.")
