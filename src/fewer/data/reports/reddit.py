"""Reddit Ads: dashboard exports, reports API (spend in millionths)."""

from fewer.data.reports.base import Platform, Window, headings

PLATFORM = Platform(
    id="reddit",
    title="Reddit",
    day=("date", "day"),
    columns={
        "account": headings("account_id", "account_name"),
        "campaign": headings("campaign_id"),
        "campaign_name": headings("campaign_name"),
        "ad_set": headings("ad_group_id"),
        "ad_set_name": headings("ad_group_name"),
        "ad": headings("ad_id"),
        "ad_name": headings("ad_name"),
        "currency": headings("currency", "account_currency"),
        "impressions": headings("impressions"),
        "clicks": headings("clicks"),
        "spend": headings("amount_spent_{currency}", "amount_spent", micros=("spend",)),
        "conversions": headings("purchase_click_through_conversions", "conversions", "purchases"),
        "value": headings("conversion_value", "purchase_total_value"),
    },
    window=Window(
        click_days=28,
        view_days=1,
        source="https://business.reddithelp.com (Signal measurement: Web attribution)",
        said_by="platform",
    ),
    notes=("'spend' is read as millionths, 'amount spent' as it is",),
)
