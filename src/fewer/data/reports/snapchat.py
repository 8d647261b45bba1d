"""Snapchat: Ads Manager exports, statistics by hour or day (spend in millionths)."""

from fewer.data.reports.base import Platform, Window, headings

PLATFORM = Platform(
    id="snapchat",
    title="Snapchat",
    day=("date", "start_time", "day"),
    columns={
        "account": headings("ad_account_id", "account_id"),
        "campaign": headings("campaign_id"),
        "campaign_name": headings("campaign_name"),
        "ad_set": headings("ad_squad_id", "ad_set_id"),
        "ad_set_name": headings("ad_squad_name", "ad_set_name"),
        "ad": headings("ad_id"),
        "ad_name": headings("ad_name"),
        "currency": headings("currency"),
        "impressions": headings("impressions", "paid_impressions"),
        "clicks": headings("swipes", "swipe_ups", "clicks"),
        "spend": headings("amount_spent_{currency}", "amount_spent", micros=("spend",)),
        "conversions": headings("conversion_purchases", "purchases"),
    },
    window=Window(
        click_days=28,
        view_days=1,
        source="https://help.funnel.io/en/articles/8540428-snapchat-troubleshooting",
        said_by="others",
    ),
    notes=(
        "hours are those of the file: name account_zone where they are UTC and the account is not",
        # Spend is in millionths by the API's schema; connectors give this one in whole units, and
        # the API's own documents don't say which it is.
        "the unit of conversion_purchases_value differs by export: map it yourself",
    ),
)
