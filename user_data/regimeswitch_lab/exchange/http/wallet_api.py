"""The part of Binance's wallet and margin interface that clients ask when they start."""

from aiohttp import web

from regimeswitch_lab.exchange.account.decimals import ZERO, text
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.http.handlers import answer
from regimeswitch_lab.exchange.http.signing import FormHandler, signed
from regimeswitch_lab.exchange.requests.request_form import Form


# Weights here count against another limit than those of /api.
NO_WEIGHT = 0


class Sapi:
    """The handlers.

    :param trading: the account they are about
    """

    def __init__(self, trading: Trading) -> None:
        self.trading = trading

    def routes(self) -> list[web.RouteDef]:
        """The paths and their handlers."""
        table: dict[str, FormHandler] = {
            "capital/config/getall": self.coins,
            "margin/allPairs": self.none,
            "margin/isolated/allPairs": self.none,
            "margin/allAssets": self.none,
            "spot/delist-schedule": self.none,
            "account/apiRestrictions": self.restrictions,
            "account/status": self.status,
            "account/apiTradingStatus": self.trading_status,
            "asset/tradeFee": self.fees,
        }
        return [
            web.get(f"/sapi/v1/{path}", signed(self.trading, handler))
            for path, handler in table.items()
        ]

    async def none(self, form: Form) -> web.Response:
        """Lists that are empty here: there is no margin trading and no pair is delisted."""
        return answer([], NO_WEIGHT)

    async def coins(self, form: Form) -> web.Response:
        """Every asset, with its balance; nothing can be paid in or out."""
        with self.trading.look():
            account = self.trading.account
            symbols = self.trading.market.symbols().values()
            assets = {name for one in symbols for name in (one.base, one.quote)}
            coins = [
                {
                    "coin": asset,
                    "name": asset,
                    "depositAllEnable": False,
                    "withdrawAllEnable": False,
                    "free": text(account.free.get(asset, ZERO)),
                    "locked": text(account.locked.get(asset, ZERO)),
                    "freeze": text(ZERO),
                    "withdrawing": text(ZERO),
                    "ipoing": text(ZERO),
                    "ipoable": text(ZERO),
                    "storage": text(ZERO),
                    "isLegalMoney": False,
                    "trading": True,
                    "networkList": [],
                }
                for asset in sorted(assets | set(account.assets()))
            ]
        return answer(coins, NO_WEIGHT)

    async def restrictions(self, form: Form) -> web.Response:
        """What the key may do: read and trade spot, nothing else."""
        never = (
            "enableWithdrawals",
            "enableInternalTransfer",
            "enableMargin",
            "enableFutures",
            "permitsUniversalTransfer",
            "enableVanillaOptions",
            "enableFixApiTrade",
            "enableFixReadOnly",
            "enablePortfolioMarginTrading",
        )
        body = {
            "ipRestrict": False,
            "createTime": self.trading.market.span_ms()[0],
            "enableReading": True,
            "enableSpotAndMarginTrading": True,
            **dict.fromkeys(never, False),
        }
        return answer(body, NO_WEIGHT)

    async def status(self, form: Form) -> web.Response:
        """Whether the account is in order."""
        return answer({"data": "Normal"}, NO_WEIGHT)

    async def trading_status(self, form: Form) -> web.Response:
        """Whether the account may trade."""
        data = {"isLocked": False, "plannedRecoverTime": 0, "updateTime": 0}
        return answer({"data": data}, NO_WEIGHT)

    async def fees(self, form: Form) -> web.Response:
        """Commission of every pair, or of one."""
        rate, wanted = text(self.trading.settling.fee), form.text("symbol")
        return answer(
            [
                {"symbol": name, "makerCommission": rate, "takerCommission": rate}
                for name in self.trading.market.symbols()
                if wanted in (None, name)
            ],
            NO_WEIGHT,
        )
