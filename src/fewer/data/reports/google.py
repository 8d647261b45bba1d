"""Google Ads: web page exports, GAQL (millionths of the currency), connectors."""

from fewer.data.reports.base import Platform, Window, headings

PLATFORM = Platform(
    id="google",
    title="Google Ads",
    day=("day", "segments_date", "date"),
    formats=("iso", "%b %d, %Y"),
    columns={
        "account": headings("customer_id", "account_id", "account"),
        "campaign": headings("campaign_id"),
        "campaign_name": headings("campaign", "campaign_name"),
        "ad_set": headings("ad_group_id"),
        "ad_set_name": headings("ad_group", "ad_group_name"),
        "ad": headings("ad_id", "ad_group_ad_ad_id"),
        "currency": headings("currency_code", "currency", "customer_currency_code"),
        "impressions": headings("impressions", "metrics_impressions", "impr"),
        "clicks": headings("clicks", "metrics_clicks"),
        "spend": headings("cost", "spend", micros=("cost_micros", "metrics_cost_micros")),
        "conversions": headings("conversions", "metrics_conversions"),
        "value": headings(
            "conversions_value", "metrics_conversions_value", "conv_value", "conversion_value"
        ),
    },
    window=Window(
        click_days=30,
        view_days=0,
        source="https://support.google.com/google-ads/answer/3123169",
        said_by="platform",
    ),
    notes=(
        "conversions can be fractions, shared between clicks",
        "conversions after a mere view are in a column of their own and not counted here",
    ),
)
