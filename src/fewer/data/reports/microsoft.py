"""Microsoft Advertising: performance reports by ad, ad group or campaign."""

from fewer.data.reports.base import Platform, Window, headings

PLATFORM = Platform(
    id="microsoft",
    title="Microsoft Advertising",
    day=("date", "timeperiod", "time_period", "gregoriandate", "day"),
    formats=("iso", "%m/%d/%Y"),
    columns={
        "account": headings("account_id", "accountid", "account_name", "accountname"),
        "campaign": headings("campaign_id", "campaignid"),
        "campaign_name": headings("campaign_name", "campaignname", "campaign"),
        "ad_set": headings("ad_group_id", "adgroupid"),
        "ad_set_name": headings("ad_group_name", "adgroupname", "ad_group"),
        "ad": headings("ad_id", "adid"),
        "currency": headings("currency_code", "currencycode", "currency"),
        "impressions": headings("impressions"),
        "clicks": headings("clicks"),
        "spend": headings("spend", "cost"),
        # Without fractions, "Conversions" rounds shared ones away.
        "conversions": headings("conversions_qualified", "conversionsqualified", "conversions"),
        "value": headings("revenue"),
    },
    # "Conversions" follow a click; those after a view stand in a column of their own.
    window=Window(
        click_days=30,
        view_days=0,
        source="https://help.ads.microsoft.com/apex/index/3/en/56710 (clicks only; not how long)",
        said_by="nobody",
    ),
    notes=("conversions after a view are in a column of their own and not counted here",),
)
