"""X (Twitter): statistics by line item or campaign (charges in millionths, moments in UTC)."""

from fewer.data.reports.base import Platform, Window, headings

PLATFORM = Platform(
    id="x",
    title="X",
    day=("date", "time_period", "day"),
    columns={
        "account": headings("account_id"),
        "campaign": headings("campaign_id"),
        "campaign_name": headings("campaign_name"),
        "ad_set": headings("line_item_id", "ad_group_id"),
        "ad_set_name": headings("line_item_name", "ad_group_name"),
        "ad": headings("promoted_tweet_id", "ad_id"),
        "currency": headings("currency"),
        "impressions": headings("impressions"),
        # "Clicks" counts those on the post too.
        "clicks": headings("url_clicks", "link_clicks", "clicks"),
        "spend": headings("spend", micros=("billed_charge_local_micro",)),
        "conversions": headings("conversion_purchases_metric", "purchases"),
    },
    window=Window(
        click_days=30,
        view_days=1,
        source="https://docs.dataflysignal.com/integrations/advertising/x-ads",
        said_by="others",
    ),
    notes=(
        "a day begins when the account's does, written in UTC: name account_zone",
        "the unit of sale amounts is not documented: map 'value' yourself",
    ),
)
