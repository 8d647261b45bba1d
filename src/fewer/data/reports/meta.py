"""Meta (Facebook, Instagram): Ads Manager exports, Insights API, connectors."""

from fewer.data.reports.base import Platform, Window, headings

PLATFORM = Platform(
    id="meta",
    title="Meta",
    day=("day", "date_start", "date", "reporting_starts"),
    columns={
        "account": headings("account_id", "account_name"),
        "campaign": headings("campaign_id"),
        "campaign_name": headings("campaign_name"),
        "ad_set": headings("adset_id", "ad_set_id"),
        "ad_set_name": headings("ad_set_name", "adset_name"),
        "ad": headings("ad_id"),
        "ad_name": headings("ad_name"),
        "currency": headings("currency", "account_currency"),
        "impressions": headings("impressions"),
        # "Clicks (all)" counts likes and profile visits too.
        "clicks": headings("link_clicks", "inline_link_clicks", "clicks", "clicks_all"),
        "spend": headings("amount_spent_{currency}", "spend", "amount_spent"),
        "conversions": headings("purchases", "website_purchases", "conversions", "results"),
        "value": headings(
            "purchases_conversion_value", "website_purchases_conversion_value", "conversion_value"
        ),
    },
    window=Window(
        click_days=7,
        view_days=1,
        source="https://www.jonloomer.com/qvt/attribution-setting-deep-dive/",
        said_by="others",
    ),
    action=("action_type", "value"),
    notes=("clicks are link clicks where the report has them",),
)
