"""LinkedIn: Campaign Manager exports, ad analytics API, connectors."""

from fewer.data.reports.base import Platform, Window, headings

PLATFORM = Platform(
    id="linkedin",
    title="LinkedIn",
    day=("day", "start_date_in_utc", "date", "start_date"),
    formats=("iso", "%m/%d/%Y"),
    # Their campaign is what others call an ad set, their creative an ad.
    columns={
        "account": headings("account_id", "account_name"),
        "campaign": headings("campaign_group_id"),
        "campaign_name": headings("campaign_group_name"),
        "ad_set": headings("campaign_id"),
        "ad_set_name": headings("campaign_name"),
        "ad": headings("creative_id", "ad_id"),
        "ad_name": headings("creative_name", "ad_name"),
        "currency": headings("currency", "account_currency"),
        "impressions": headings("impressions"),
        "clicks": headings("clicks", "landing_page_clicks"),
        "spend": headings("cost_in_local_currency", "costinlocalcurrency", "total_spent", "cost"),
        "conversions": headings(
            "external_website_conversions", "externalwebsiteconversions", "conversions"
        ),
        "value": headings(
            "conversion_value_in_local_currency",
            "conversionvalueinlocalcurrency",
            "total_conversion_value",
        ),
    },
    window=Window(
        click_days=30,
        view_days=7,
        source="https://www.linkedin.com/help/lms/answer/a426359",
        said_by="platform",
    ),
    notes=("days are UTC; money is in the account's currency, not in US dollars",),
)
