"""TikTok: Ads Manager exports, integrated report API."""

from fewer.data.reports.base import Platform, Window, headings

PLATFORM = Platform(
    id="tiktok",
    title="TikTok",
    day=("stat_time_day", "by_day", "date", "day"),
    columns={
        "account": headings("advertiser_id", "account_id", "account_name"),
        "campaign": headings("campaign_id"),
        "campaign_name": headings("campaign_name"),
        "ad_set": headings("adgroup_id", "ad_group_id"),
        "ad_set_name": headings("adgroup_name", "ad_group_name"),
        "ad": headings("ad_id"),
        "ad_name": headings("ad_name"),
        "currency": headings("currency"),
        "impressions": headings("impressions"),
        "clicks": headings("clicks", "clicks_destination"),
        "spend": headings("spend", "cost"),
        "conversions": headings("conversion", "conversions", "complete_payment"),
        "value": headings("total_complete_payment_rate_value", "total_purchase_value"),
    },
    window=Window(
        click_days=7,
        view_days=1,
        source="https://www.tiktok.com/business/en/blog/flexible-attribution-windows-campaign-measurement",
        said_by="platform",
    ),
)
