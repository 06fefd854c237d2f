"""Whether notices of the guards reach anybody."""

from __future__ import annotations

from collections.abc import Iterator

from regimeswitch.bot.messages.channels import channels, complaint
from regimeswitch_lab.doctor.findings import Finding, Severity
from regimeswitch_lab.doctor.subject import ExaminedBot


def check_notices(subject: ExaminedBot) -> Iterator[Finding]:
    """Exits that cannot be made, limits and outages are notified by the channels of freqtrade."""
    config = subject.config.merged
    found, live = channels(config), config.get("dry_run") is False
    problem = complaint(config)
    if problem:
        severity: Severity = "serious" if live else "warning"
        mend = "; ".join(one.remedy for one in found)
        where = ", ".join(one.name for one in found)
        what = "it takes no warnings: what the guards have to say stands in the log alone"
        yield Finding(severity, "notices.silent", what, where, mend)
    elif not found and live:
        what = "real money, and no channel: what the guards have to say stands in the log alone"
        yield Finding(
            *("warning", "notices.none", what, "telegram, webhook, discord"),
            "enable one of them",
        )
    for one in found:
        if not one.custom and not problem:
            what = "regime switches and bad candles stay in the log; warnings are sent all the same"
            yield Finding("info", "notices.custom", what, one.name, one.remedy_custom)
