"""What every handler of the exchange needs: answers, weights, the application."""

import json
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from aiohttp.typedefs import Middleware

from regimeswitch_lab.exchange.http.request_limits import RateLimitError, RequestLimits
from regimeswitch_lab.exchange.requests.api_errors import ApiError, unknown_path


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
WEIGHT_HEADERS = ("X-MBX-USED-WEIGHT", WEIGHT_HEADER)


def answer(body: object, weight: int) -> web.Response:
    """A JSON answer, its own weight in the header that :func:`application` then adds up."""
    return text_answer(compact(body), weight)


def text_answer(text: str, weight: int) -> web.Response:
    """As :func:`answer`, of a body that is JSON already."""
    headers = {WEIGHT_HEADER: str(weight)}
    return web.Response(text=text, content_type="application/json", headers=headers)


def compact(body: object) -> str:
    """JSON without spaces; NaN is an error rather than a word that no client can read."""
    return json.dumps(body, separators=(",", ":"), allow_nan=False)


def refusal(error: ApiError) -> web.Response:
    """An error answer."""
    response = web.json_response(error.body(), status=error.status, dumps=compact)
    if isinstance(error, RateLimitError):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def application(
    routes: Iterable[web.RouteDef],
    clock: Callable[[], int],
    limits: RequestLimits,
    around: Iterable[Middleware] = (),
) -> web.Application:
    """A web application that answers errors as the exchange does and keeps its limits.

    :param routes: the paths and their handlers
    :param clock: gives the present in epoch milliseconds
    :param limits: count the weights, and refuse what is too much
    :param around: what comes between a client and all of this
    """

    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        limits.check(clock())
        try:
            response = await handler(request)
        except ApiError as error:
            response = refusal(error)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            response = refusal(unknown_path(request.method, request.path))
        if not response.prepared:
            limits.add(int(response.headers.get(WEIGHT_HEADER, 1)), clock())
        return response

    @web.middleware
    async def frame(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await answered(request, handler)
            # The weight is known afterwards. Reading twice does no harm; an order that has been
            # placed must be answered.
            if request.method == "GET" and not response.prepared:
                limits.check(clock())
        except RateLimitError as error:
            response = refusal(error)
        if not response.prepared:
            response.headers.update(dict.fromkeys(WEIGHT_HEADERS, str(limits.used)))
        return response

    app = web.Application(middlewares=[*around, frame])
    app.add_routes(routes)
    return app
