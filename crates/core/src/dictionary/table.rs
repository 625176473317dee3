//! The rows of the dictionary, in the order of their numbers.
//!
//! Facts of the first 79 rows: the Session Disposition of the Handshake. Rows from 1010 up are ours:
//! what Genesys Cloud Journey, CCAI Platform, Tropo and Segment know and the Handshake does not.
use super::{
    Field, FieldType,
    Group::{
        Api, Attribution, Commerce, Context, Durations, Echo, Integration, Outcome, Person,
        Session, Signals, State, Technical, Telephony, Times, User,
    },
    Keep, PiiClass, Required,
    Source::{Ccai, Genesys, Segment, Tropo},
    Unit,
};

/// Each row is three lines:
///
/// ```text
/// number "name" "SignalName" "PARAMETER" [aliases], Type Unit Required Class Keep, Group "Label",
///     "member" => "record", "concept" [(Source, "path") …],
///     "about";
/// ```
macro_rules! fields {
    ($(
        $number:literal $name:literal $signal:literal $parameter:literal [$($alias:literal)*],
        $kind:ident $unit:ident $required:ident $class:ident $keep:ident, $group:ident $label:literal,
        $member:literal => $record:literal, $concept:literal [$(($source:ident, $path:literal))*],
        $about:literal;
    )*) => {
        /// Every field, sorted by number.
        pub const FIELDS: &[Field] = &[$(Field {
            number: $number,
            name: $name,
            signal_name: $signal,
            aliases: &[$($alias),*],
            parameter: some_unless_empty($parameter),
            kind: FieldType::$kind,
            unit: Unit::$unit,
            required: Required::$required,
            class: PiiClass::$class,
            keep: Keep::$keep,
            group: $group,
            label: $label,
            member: $member,
            record: $record,
            concept: $concept,
            sources: &[$(($source, $path)),*],
            about: $about,
        }),*];
    };
}

const fn some_unless_empty(text: &'static str) -> Option<&'static str> {
    if text.is_empty() { None } else { Some(text) }
}

#[rustfmt::skip]
fields! {
    // Person, network and API basics
    43 "user_phone" "ANI" "" [], Text None Soft Direct Last, User "Phone",
        "person.phone" => "person.phone", "person.phone" [(Ccai, "customer_phone_number") (Tropo, "session.from.id") (Segment, "traits.phone")],
        "Phone of the person; kept as sent, matched as E.164 with the default country of the key.";
    46 "user_full_name" "PersonName" "" [], Text None No Direct Last, User "Full name",
        "person.name.full" => "person.name.full", "person.display_name" [(Tropo, "session.from.name") (Segment, "traits.name")],
        "Name as the sender shows it; never split into parts nor made of them. The word unknown means none.";
    47 "user_email" "PersonEmail" "" [], Text None No Direct Last, User "E-mail",
        "person.email" => "person.email", "person.email" [(Segment, "traits.email")],
        "Kept as sent; matched in lower case.";
    49 "api_segment" "SegmentCode" "" [], Text None Server Technical Last, Api "API segment",
        "api.segment" => "api.segment", "api.segment" [],
        "Opaque word of the sender, returned in the reply; session_disposition where none came.";
    59 "network_link_id" "NetworkID" "" [], Text None No Quasi Last, Integration "Network link",
        "integration.network_link" => "integration.network_link", "integration.network_link" [],
        "Opaque reference of the sender's network.";
    93 "api_model" "Model" "" [], Text None Server Technical Last, Api "API model",
        "api.model" => "api.model", "api.model" [],
        "Opaque word of the sender, returned in the reply; sessionary.disposition.v1 where none came.";
    // Address, company and parts of the name
    103 "user_address_line1" "AddressLine1" "" [], Text None No Direct Last, User "Address, line 1",
        "person.address.line1" => "person.address.line1", "person.address.line1" [(Segment, "traits.address.street")],
        "Postal address as sent.";
    104 "user_address_line2" "AddressLine2" "" [], Text None No Direct Last, User "Address, line 2",
        "person.address.line2" => "person.address.line2", "person.address.line2" [],
        "Postal address as sent.";
    105 "user_address_line3" "AddressLine3" "" [], Text None No Direct Last, User "Address, line 3",
        "person.address.line3" => "person.address.line3", "person.address.line3" [],
        "Postal address as sent.";
    106 "user_city" "City" "CI" [], Text None No Quasi Last, User "City",
        "person.address.city" => "person.address.city", "person.address.city" [(Segment, "traits.address.city")],
        "City of the postal address; never filled from the place of an IP address.";
    107 "user_state" "State" "ST" [], Text None No Quasi Last, User "State",
        "person.address.state" => "person.address.state", "person.address.state" [(Segment, "traits.address.state")],
        "State, province or region of the postal address.";
    108 "user_postal_code" "PostalCode" "" [], Text None No Quasi Last, User "Postal code",
        "person.address.postal_code" => "person.address.postal_code", "person.address.postal_code" [(Segment, "traits.address.postalCode")],
        "Text, because leading zeros count.";
    109 "user_postal_subcode" "PostalSubCode" "" [], Text None No Quasi Last, User "Postal subcode",
        "person.address.postal_subcode" => "person.address.postal_subcode", "person.address.postal_subcode" [],
        "Finer part of a postal code, such as the four digits of ZIP+4; text.";
    111 "user_country" "Country" "CO" [], Text None No Quasi Last, User "Country",
        "person.address.country" => "person.address.country", "person.address.country" [(Segment, "traits.address.country")],
        "Code or name as sent; CO is the country, not the company.";
    112 "user_carrier_route" "CarrierRoute" "" [], Text None No Quasi Last, User "Carrier route",
        "person.address.carrier_route" => "person.address.carrier_route", "person.address.carrier_route" [],
        "Delivery route of the US post.";
    113 "user_dpc" "DPC" "" [], Text None No Quasi Last, User "Delivery point",
        "person.address.delivery_point" => "person.address.delivery_point", "person.address.delivery_point" [],
        "Delivery point code of the US post; text.";
    114 "company_name" "CompanyName" "" [], Text None No Quasi Last, User "Company",
        "company.name" => "company.name", "company.name" [(Segment, "traits.company.name")],
        "Company that the person belongs to; the name has no user_ in front.";
    115 "user_name_prefix" "PersonNamePrefix" "" [], Text None No Direct Last, User "Name prefix",
        "person.name.prefix" => "person.name.prefix", "person.name.prefix" [],
        "Free text before the name, such as Dr.";
    116 "user_first_name" "PersonFirstName" "" [], Text None No Direct Last, User "First name",
        "person.name.first" => "person.name.first", "person.name.first" [(Segment, "traits.firstName")],
        "Given name.";
    117 "user_middle_name" "PersonMiddleName" "" [], Text None No Direct Last, User "Middle name",
        "person.name.middle" => "person.name.middle", "person.name.middle" [],
        "Middle name or initial.";
    118 "user_last_name" "PersonLastName" "" [], Text None No Direct Last, User "Last name",
        "person.name.last" => "person.name.last", "person.name.last" [(Segment, "traits.lastName")],
        "Family name.";
    119 "user_name_suffix" "PersonNameSuffix" "" [], Text None No Direct Last, User "Name suffix",
        "person.name.suffix" => "person.name.suffix", "person.name.suffix" [],
        "Free text after the name, such as PhD.";
    // Commerce: exact decimals, never recomputed (D13 to D15)
    200 "commerce_order_quantity" "CommerceOrderQuantity" "" [], Decimal Count No Business Last, Commerce "Order quantity",
        "commerce.quantity" => "commerce.quantity", "commerce.order.quantity" [],
        "Things ordered; a decimal because goods may be sold by weight.";
    201 "commerce_order_discount" "CommerceOrderDiscount" "" [], Decimal Money No Business Last, Commerce "Order discount",
        "commerce.discount" => "commerce.discount", "commerce.order.discount" [(Segment, "properties.discount")],
        "Discount on the order.";
    202 "commerce_order_shipping" "CommerceOrderShipping" "" [], Decimal Money No Business Last, Commerce "Order shipping",
        "commerce.shipping" => "commerce.shipping", "commerce.order.shipping" [(Segment, "properties.shipping")],
        "Charge for shipping.";
    203 "commerce_order_tax" "CommerceOrderTax" "" [], Decimal Money No Business Last, Commerce "Order tax",
        "commerce.tax" => "commerce.tax", "commerce.order.tax" [(Segment, "properties.tax")],
        "Tax on the order.";
    204 "commerce_order_fees" "CommerceOrderFees" "" [], Decimal Money No Business Last, Commerce "Order fees",
        "commerce.fees" => "commerce.fees", "commerce.order.fees" [],
        "Other charges.";
    205 "commerce_order_total" "CommerceOrderTotal" "" [], Decimal Money Soft Business Last, Commerce "Order total",
        "commerce.total" => "commerce.total", "commerce.order.total" [(Segment, "properties.total")],
        "What the sender says the order comes to; absent means not known, never zero.";
    206 "commerce_items_sku" "CommerceItemsSKU" "" [], Texts None No Business Last, Commerce "Item SKUs",
        "commerce.items.sku" => "commerce.items.sku", "commerce.items[]" [(Segment, "properties.products[].sku")],
        "One SKU for each item; the other item lists are padded to its length.";
    207 "commerce_items_name" "CommerceItemsName" "" [], Texts None No Business Last, Commerce "Item names",
        "commerce.items.name" => "commerce.items.name", "commerce.items[]" [(Segment, "properties.products[].name")],
        "One name for each item.";
    208 "commerce_items_quantity" "CommerceItemsQuantity" "" [], Texts Count No Business Last, Commerce "Item quantities",
        "commerce.items.quantity" => "commerce.items.quantity", "commerce.items[]" [(Segment, "properties.products[].quantity")],
        "One quantity for each item, spelt as sent.";
    209 "commerce_items_unit_price" "CommerceItemsUnitPrice" "" [], Texts Money No Business Last, Commerce "Item unit prices",
        "commerce.items.unit_price" => "commerce.items.unit_price", "commerce.items[]" [(Segment, "properties.products[].price")],
        "One price for each item, spelt as sent.";
    210 "commerce_items_discount" "CommerceItemsDiscount" "" [], Texts Money No Business Last, Commerce "Item discounts",
        "commerce.items.discount" => "commerce.items.discount", "commerce.items[]" [(Segment, "properties.products[].discount")],
        "One discount for each item; for one unit, to judge by the source's own figures.";
    211 "commerce_items_taxes" "CommerceItemsTaxes" "" [], Texts Money No Business Last, Commerce "Item taxes",
        "commerce.items.tax" => "commerce.items.tax", "commerce.items[]" [(Segment, "properties.products[].tax")],
        "One tax for each item; for the whole line, to judge by the source's own figures.";
    212 "commerce_items_total" "CommerceItemsTotal" "" [], Texts Money No Business Last, Commerce "Item totals",
        "commerce.items.total" => "commerce.items.total", "commerce.items[]" [(Segment, "properties.products[].total")],
        "One total for each item.";
    213 "commerce_upsell_depth" "CommerceUpsellDepth" "" [], Number Count No Business Last, Commerce "Upsell depth",
        "commerce.upsell.depth" => "commerce.upsell.depth", "commerce.upsell" [],
        "How many upsell steps were reached.";
    214 "commerce_upsell_skus" "CommerceUpsellSKUs" "" [], Texts None No Business Last, Commerce "Upsell SKUs",
        "commerce.upsell.skus" => "commerce.upsell.skus", "commerce.upsell" [],
        "SKUs that were offered; one was accepted if it is also among the items.";
    // API
    300 "api_trackingid" "APITrackingID" "" [], Text None Server Technical Last, Api "API tracking id",
        "api.tracking_id" => "api.tracking_id", "api.tracking_id" [],
        "Correlation id of a request, and the key under which its repetition is recognised.";
    301 "api_result_code" "APIResultCode" "" [], Text None Server Technical Signal, Api "API result code",
        "api.result_code" => "", "api.result" [],
        "Written in the reply; ignored on input.";
    302 "api_result_message" "APIResultMessage" "" [], Text None Server Technical Signal, Api "API result message",
        "api.result_message" => "", "api.result" [],
        "Written in the reply; ignored on input.";
    // Integration
    303 "integration_platform_id" "IntegrationID" "" [], Text None No Technical Last, Integration "Integration platform",
        "integration.platform" => "integration.platform", "integration.platform" [],
        "Upstream system; the name space of the sender's session ids.";
    304 "integration_user_id" "IntegrationUserID" "" [], Text None No Quasi Last, Integration "Integration user",
        "integration.user_id" => "integration.user_id", "person.external_contact" [],
        "The person's id in the upstream system; an identity typed by that system.";
    305 "integration_action_type" "IntegrationActionType" "" [], Text None No Technical Last, Integration "Network action",
        "integration.network_action" => "integration.network_action", "integration.network_action" [],
        "Id of a network action, in spite of its name; opaque.";
    306 "integration_agent_id" "IntegrationAgentID" "" [], Text None No Worker Last, Integration "Agent",
        "integration.agent_id" => "integration.agent_id", "disposition.by" [(Genesys, "lastUserDisposition.user") (Ccai, "agent_info.id") (Segment, "properties.agent")],
        "Agent or operator who handled the session.";
    307 "integration_result_code" "IntegrationResultCode" "" [], Text None Soft Technical Last, Integration "Integration result code",
        "integration.result_code" => "integration.result_code", "disposition.result" [(Ccai, "fail_reason") (Tropo, "result.error")],
        "What the upstream application returned; opaque.";
    308 "integration_result_message" "IntegrationResultMessage" "" [], Text None Soft Free Last, Integration "Integration result message",
        "integration.result_message" => "integration.result_message", "disposition.result" [(Ccai, "fail_details")],
        "Text that goes with the upstream result.";
    309 "integration_notes" "IntegrationNotes" "" [], Text None No Free Last, Integration "Notes",
        "disposition.notes" => "disposition.notes", "disposition.notes" [(Genesys, "lastUserDisposition.notes") (Ccai, "disposition_notes") (Segment, "properties.notes")],
        "Free notes that go with the outcome; expect personal data.";
    // Echo: kept whole, returned on webhooks
    310 "echo_id" "EchoID" "" [], Number None No Quasi Last, Echo "Echo id",
        "echo.id" => "echo.id", "echo" [],
        "Unsigned 64-bit id of the sender; written as text beyond 2^53.";
    311 "echo_link" "EchoLink" "" [], Number None No Quasi Last, Echo "Echo link",
        "echo.link" => "echo.link", "echo" [],
        "Unsigned 64-bit id of the sender; written as text beyond 2^53.";
    312 "echo_segment" "EchoSegment" "" [], Text None No Business Last, Echo "Echo segment",
        "echo.segment" => "echo.segment", "echo" [],
        "Opaque.";
    313 "echo_context" "EchoContext" "" [], Text None No Free Last, Echo "Echo context",
        "echo.context" => "echo.context", "echo" [],
        "Opaque.";
    314 "echo_count" "EchoCount" "" [], Number Count No Business Last, Echo "Echo count",
        "echo.count" => "echo.count", "echo" [],
        "A count of the sender.";
    315 "echo_quantity" "EchoQuantity" "" [], Decimal Count No Business Last, Echo "Echo quantity",
        "echo.quantity" => "echo.quantity", "echo" [],
        "An exact decimal, although the source types it as a binary float.";
    316 "echo_amount" "EchoAmount" "" [], Text None No Business Last, Echo "Echo amount",
        "echo.amount" => "echo.amount", "echo" [],
        "Text, which may hold an amount.";
    317 "echo_json" "EchoJSON" "" [], Json None No Free Last, Echo "Echo JSON",
        "echo.json" => "echo.json", "echo" [],
        "Any JSON, or text that holds JSON.";
    // Session
    400 "session_start_timestamp" "SessionStartTimestamp" "" [], Instant None Soft Business First, Session "Start",
        "started_at" => "reported_started_at", "times.started_at" [(Genesys, "createdDate") (Ccai, "created_at") (Tropo, "session.timestamp")],
        "Start of the session as the sender claims it; the record's own started_at follows from all signals.";
    401 "session_duration" "SessionDuration" "" [], Number Millis Soft Business Last, Session "Duration",
        "duration_ms" => "reported_ms", "durations.session_ms" [(Genesys, "durationInSeconds") (Ccai, "call_duration") (Ccai, "chat_duration") (Tropo, "result.sessionDuration")],
        "Length of the session as the sender claims it; sources that count seconds are converted.";
    402 "session_disposition_code" "SessionDispositionCode" "" [], Number None Hard Business Last, Session "Disposition",
        "disposition.code" => "disposition.code", "disposition.code" [(Genesys, "lastUserDisposition.code") (Ccai, "disposition_codes[]") (Segment, "properties.code")],
        "1 to 14, or any number an operator registers from 1000 up; travels as the claim of a signal.";
    403 "session_id" "SessionID" "" [], Text None No Quasi Last, Session "Session id of the sender",
        "session_id" => "external_id", "session.external_ids[]" [(Genesys, "externalId") (Ccai, "id") (Ccai, "chat_uuid") (Tropo, "session.id") (Segment, "context.sessionId")],
        "The sender's own name of the session, unique within its source.";
    404 "session_variant" "SessionVariant" "" [], Text None Soft Business Last, Session "Variant",
        "variant" => "variant", "experiment.variant" [],
        "Variant of an experiment that the visitor saw.";
    405 "session_recording_url" "SessionRecordingURL" "" [], Text None No Link Last, Session "Recording",
        "recording.url" => "recording.url", "recording.url" [(Ccai, "recording_url")],
        "Where a recording lies; a secret, never fetched by us.";
    406 "session_tracking_campaign_id" "SessionTrackingCampaignID" "TCI" [], Text None No Business First, Attribution "Campaign id",
        "attribution.campaign_id" => "attribution.campaign_id", "attribution.campaign_id" [(Segment, "context.campaign.id")],
        "Id of the campaign (utm_id); never a stand-in for its name.";
    407 "session_tracking_campaign_name" "SessionTrackingCampaignName" "TCM" ["SessionTrackingCampaigName"], Text None No Business First, Attribution "Campaign name",
        "attribution.campaign_name" => "attribution.campaign_name", "attribution.campaign_name" [(Genesys, "mktCampaign.name") (Genesys, "mktCampaign") (Segment, "context.campaign.name")],
        "Name of the campaign (utm_campaign). The source prints TCN, which belongs to the content, and misspells the signal.";
    408 "session_tracking_source" "SessionTrackingSource" "TSC" [], Text None No Business First, Attribution "Source",
        "attribution.source" => "attribution.source", "attribution.source" [(Genesys, "mktCampaign.source") (Segment, "context.campaign.source")],
        "Where the visitor came from (utm_source).";
    409 "session_tracking_medium" "SessionTrackingMedium" "TMD" [], Text None No Business First, Attribution "Medium",
        "attribution.medium" => "attribution.medium", "attribution.medium" [(Genesys, "mktCampaign.medium") (Segment, "context.campaign.medium")],
        "How the visitor came (utm_medium).";
    410 "session_tracking_content" "SessionTrackingContent" "TCN" [], Text None No Business First, Attribution "Content",
        "attribution.content" => "attribution.content", "attribution.content" [(Genesys, "mktCampaign.content") (Segment, "context.campaign.content")],
        "Which advertisement or link (utm_content).";
    411 "session_tracking_term" "SessionTrackingTerm" "TTM" [], Text None No Business First, Attribution "Term",
        "attribution.term" => "attribution.term", "attribution.term" [(Genesys, "mktCampaign.term") (Segment, "context.campaign.term")],
        "Keyword that was bought (utm_term), not what the visitor searched for; a plus sign in JSON stays one.";
    412 "session_tracking_source_platform" "SessionTrackingSourcePlatform" "TSP" [], Text None No Business First, Attribution "Source platform",
        "attribution.source_platform" => "attribution.source_platform", "attribution.source_platform" [(Segment, "context.campaign.source_platform")],
        "Platform that ran the campaign (utm_source_platform).";
    413 "session_tracking_creative_format" "SessionTrackingCreativeFormat" "TCF" [], Text None No Business First, Attribution "Creative format",
        "attribution.creative_format" => "attribution.creative_format", "attribution.creative_format" [(Segment, "context.campaign.creative_format")],
        "Kind of advertisement (utm_creative_format).";
    414 "session_tracking_marketing_tactic" "SessionTrackingMarketingTactic" "TMT" [], Text None No Business First, Attribution "Tactic",
        "attribution.tactic" => "attribution.tactic", "attribution.tactic" [(Segment, "context.campaign.marketing_tactic")],
        "Targeting of the campaign (utm_marketing_tactic).";
    415 "session_remote_ip" "SessionRemoteIP" "" [], Text None No Network First, Session "IP address",
        "ip" => "technical.ip", "tech.ip" [(Genesys, "ipAddress") (Segment, "context.ip")],
        "Address of the visitor, IPv4 or IPv6.";
    417 "session_user_agent" "SessionUserAgent" "UA" [], Text None No Network First, Session "User agent",
        "user_agent" => "technical.user_agent", "tech.user_agent" [(Genesys, "userAgentString") (Segment, "context.userAgent")],
        "User-Agent header of the visitor.";
    418 "session_referrer" "SessionReferrer" "FRR" [], Text None No Link First, Session "Referrer",
        "page.referrer" => "page.referrer", "page.referrer" [(Genesys, "referrer") (Genesys, "referrer.url") (Segment, "context.page.referrer")],
        "First referrer of the session.";
    419 "session_landing_url" "SessionLandingURL" "URL" [], Text None No Link First, Session "First page",
        "page.landing_url" => "page.first.url", "page.first" [],
        "First page of the session; tracking values not stated elsewhere are read from it.";
    420 "session_landing_page_title" "SessionLandingPageTitle" "" [], Text None No Link First, Session "Title of the first page",
        "page.landing_title" => "page.first.title", "page.first" [],
        "Document title of the first page.";
    // Signal pairs: the Handshake gives them no numbers (D18)
    1001 "user_signal_type" "" "" [], Number None Soft Technical Last, Signals "User signal type",
        "user_signal.type" => "user_signal.type", "person.keys[]" [(Genesys, "customerIdType")],
        "What user_signal_value is: 1 phone, 2 e-mail, 3 visitor, 4 device and so on; an open list.";
    1002 "user_signal_value" "" "" [], Text None Soft Direct Last, Signals "User signal value",
        "user_signal.value" => "user_signal.value", "person.keys[]" [(Genesys, "customerId") (Ccai, "end_user") (Tropo, "session.from.id")],
        "The principal identity of the disposition; may differ from user_phone.";
    1003 "program_signal_type" "" "" [], Number None Soft Technical Last, Signals "Program signal type",
        "program_signal.type" => "program_signal.type", "program.keys[]" [],
        "What program_signal_value is: 2001 event of an application, 2002 dialled number and so on; an open list.";
    1004 "program_signal_value" "" "" [], Text None Soft Free Last, Signals "Program signal value",
        "program_signal.value" => "program_signal.value", "program.keys[]" [],
        "The touchpoint that the outcome belongs to.";
    // Page, search and orders
    1010 "page_url" "" "" [], Text None No Link Last, Session "Page",
        "page.url" => "page.last.url", "page.last" [(Genesys, "lastPage") (Genesys, "lastPage.url") (Segment, "context.page.url")],
        "URL of the page a signal comes from; a session keeps the last.";
    1011 "page_title" "" "" [], Text None No Link Last, Session "Page title",
        "page.title" => "page.last.title", "page.last" [(Genesys, "lastPage.title") (Segment, "context.page.title")],
        "Title of that page.";
    1012 "search_terms" "" "" [], Texts None No Link All, Session "Search terms",
        "search.terms" => "search.terms", "search.terms[]" [(Genesys, "searchTerms") (Segment, "properties.query")],
        "What the visitor searched for on the site or in the app.";
    1020 "commerce_order_id" "" "" [], Text None No Business Last, Commerce "Order id",
        "commerce.order_id" => "commerce.order_id", "commerce.order.id" [(Segment, "properties.order_id")],
        "Id of an order, unique in the tenant for ever.";
    1021 "commerce_currency" "" "" [], Text None No Business Last, Commerce "Currency",
        "commerce.currency" => "commerce.currency", "commerce.currency" [(Segment, "properties.currency")],
        "ISO 4217 code of every amount of the signal; our extension of the Handshake.";
    1022 "click_id" "" "" [], Text None No Business First, Attribution "Click id",
        "attribution.click_id" => "attribution.click_id", "attribution.click_id" [(Genesys, "mktCampaign.clickId")],
        "Id of an advertising click, such as the value of gclid.";
    1023 "click_network" "" "" [], Text None No Business First, Attribution "Click network",
        "attribution.network" => "attribution.network", "attribution.click_id" [(Genesys, "mktCampaign.network")],
        "Network that gave the click id, by the name of its parameter where it was read from a URL.";
    // Interactions
    1030 "direction" "" "" [], Text None No Business First, Telephony "Direction",
        "call.direction" => "call.direction", "session.direction" [(Genesys, "originatingDirection") (Ccai, "session_type_v2") (Segment, "properties.direction")],
        "inbound, outbound, internal or unknown.";
    1031 "disconnect_reason" "" "" [], Text None No Business Last, Telephony "Disconnect reason",
        "call.reason" => "call.reason", "status.disconnect" [(Genesys, "lastUserDisconnectType") (Segment, "properties.reason")],
        "Why an interaction ended, such as failed, no_answer, dead_air, wrong_number, spam.";
    1032 "answered_by" "" "" [], Text None No Business Last, Telephony "Answered by",
        "answered_by" => "answered_by", "status.answer_type" [(Ccai, "answer_type") (Segment, "properties.answered_by")],
        "human, virtual, machine or nobody.";
    1033 "line_number" "" "" [], Text None No Business First, Telephony "Line",
        "call.line" => "call.line", "line.support_number" [(Ccai, "support_number") (Tropo, "session.to.id") (Segment, "properties.line")],
        "Number or address of ours that the person reached.";
    1034 "scheduled_at" "" "" [], Instant None No Business Last, Times "Scheduled at",
        "scheduled_at" => "scheduled_at", "times.scheduled_at" [(Ccai, "scheduled_at")],
        "When an interaction is booked for; may lie in the future.";
    1035 "queue" "" "" [], Text None No Business Last, Telephony "Queue",
        "queue.name" => "queue.name", "queue.last" [(Genesys, "lastConnectedQueue") (Ccai, "menu_path.name") (Segment, "properties.queue")],
        "Queue that the person was last connected through.";
    1036 "rating" "" "" [], Number None No Business Last, Outcome "Rating",
        "rating.value" => "rating.value", "satisfaction.rating" [(Ccai, "rating") (Segment, "properties.rating")],
        "Rating by the person, 1 to 4.";
    1037 "rating_comment" "" "" [], Text None No Free Last, Outcome "Comment",
        "rating.comment" => "rating.comment", "satisfaction.comment" [(Ccai, "feedback") (Segment, "properties.comment")],
        "What the person wrote with the rating.";
    1038 "foreground_ms" "" "" [], Number Millis No Business Sum, Durations "Time in the foreground",
        "foreground_ms" => "foreground_ms", "durations.foreground_ms" [],
        "Time in the foreground since the last heartbeat.";
    1039 "authenticated" "" "" [], Flag None No Special Last, State "Signed in",
        "authenticated" => "authenticated", "status.authenticated" [(Genesys, "authenticated")],
        "Whether the person was signed in to the sender's application.";
    1040 "occurred_precision" "" "" [], Text None No Technical Signal, Times "Precision of time",
        "occurred_precision" => "", "times.precision" [],
        "How exact occurred_at is: ms, s, min, day or month.";
    1041 "do_not_contact" "" "" [], Flag None No Special Last, Person "Do not contact",
        "do_not_contact" => "do_not_contact", "person.do_not_contact" [],
        "The person asked not to be contacted.";
    1042 "recording_permission" "" "" [], Text None No Special Last, Outcome "Recording permission",
        "recording.permission" => "recording.permission", "recording.permission" [(Ccai, "recording_permission")],
        "granted, denied or not_asked.";
    1043 "agent_name" "" "" [], Text None No Worker Last, Telephony "Agent's name",
        "agent.name" => "agent.name", "agent.last" [(Genesys, "lastConnectedUser") (Ccai, "agent_info") (Segment, "properties.agent_name")],
        "Name of the agent who was last connected.";
    1044 "ended_how" "" "" [], Text None No Business Last, State "Ended how",
        "ended_how" => "ended_how", "status.ended_how" [],
        "completed, failed, abandoned, timeout or transferred_out.";
    1045 "experiment_id" "" "" [], Text None No Business Last, Session "Experiment",
        "experiment_id" => "experiment_id", "experiment.id" [],
        "Experiment that the variant belongs to.";
    1046 "call_id" "" "" [], Text None No Quasi Last, Telephony "Call id",
        "call.id" => "call.id", "session.external_ids[]" [(Ccai, "call_uuid") (Tropo, "session.callId") (Segment, "properties.call_id")],
        "Id of a call, unique in the tenant for ever.";
    1047 "language" "" "" [], Text None No Business Last, Session "Language",
        "language" => "language", "session.language" [(Genesys, "browser.lang") (Ccai, "lang") (Segment, "context.locale")],
        "BCP 47; a language that was chosen is preferred to that of the browser.";
    // Identity and kind of a session in other systems
    1100 "record_id" "" "" [], Text None No Technical Signal, Session "Session id",
        "record_id" => "", "session.id" [(Genesys, "id")],
        "Our own id of a session, which the server gives; a reader's own shape may print it in another form.";
    1101 "short_id" "" "" [], Text None No Technical Last, Session "Short id",
        "short_id" => "short_id", "session.short_id" [(Genesys, "shortId")],
        "Four to six digits to read aloud; unique among open sessions only.";
    1102 "self_uri" "" "" [], Text None No Technical Signal, Session "Own URI",
        "self_uri" => "", "session.self_uri" [(Genesys, "selfUri")],
        "Computed where a session is served.";
    1103 "external_url" "" "" [], Text None No Link Last, Session "External URL",
        "external_url" => "external_url", "session.external_url" [(Genesys, "externalUrl")],
        "Page about the session in the sender's system.";
    1104 "parent_id" "" "" [], Text None No Quasi Last, Session "Parent session",
        "parent_id" => "parent_id", "session.parent_id" [(Ccai, "parent_id")],
        "The session that this one retries or continues.";
    1105 "account" "" "" [], Texts None No Technical Last, Session "Account",
        "account" => "account", "tenant.account" [(Genesys, "divisionIds") (Tropo, "session.accountId")],
        "Account or divisions at the sender; never our tenant.";
    1106 "session_type" "" "" [], Text None No Business Last, Session "Type",
        "session_type" => "type", "session.kind" [(Genesys, "type") (Ccai, "session_type") (Ccai, "session_type_v2") (Ccai, "call_type") (Ccai, "chat_type")],
        "Kind of interaction, such as phone_call or web_visit; travels as the type of session of a signal.";
    1107 "source_type" "" "" [], Text None No Business Last, Session "Type in the source",
        "source_type" => "source_type", "session.kind" [(Genesys, "type") (Ccai, "session_type_v2")],
        "The source's own word for the type, kept beside ours.";
    1108 "channels" "" "" [], Json None No Business Last, Session "Channels",
        "channels" => "channels", "session.channels[]" [(Genesys, "conversationChannels") (Tropo, "session.from.channel") (Tropo, "session.to.channel")],
        "Every channel of a conversation: channel, medium, platform.";
    1109 "medium" "" "" [], Text None No Business Last, Session "Network",
        "medium" => "medium", "session.channels[]" [(Tropo, "session.from.network") (Tropo, "session.to.network")],
        "Network under the channel, such as sms, pstn, voip, jabber.";
    1110 "conversation" "" "" [], Json None No Quasi Last, Session "Conversation",
        "conversation" => "conversation", "session.conversation_ref" [(Genesys, "conversation")],
        "Reference of the conversation in the source.";
    1111 "subject" "" "" [], Text None No Free Last, Session "Subject",
        "subject" => "subject", "session.subject" [(Genesys, "conversationSubject") (Tropo, "session.subject")],
        "Subject line.";
    // Times and lengths
    1120 "ended_at" "" "" [], Instant None No Business Last, Times "End",
        "ended_at" => "reported_ended_at", "times.ended_at" [(Genesys, "endedDate") (Ccai, "ends_at")],
        "End of the session as the sender claims it; the record's own ended_at follows from all signals.";
    1121 "queued_at" "" "" [], Instant None No Business First, Times "Queued at",
        "queued_at" => "queued_at", "times.queued_at" [(Ccai, "queued_at")],
        "When the person began to wait.";
    1122 "assigned_at" "" "" [], Instant None No Business First, Times "Assigned at",
        "assigned_at" => "assigned_at", "times.assigned_at" [(Ccai, "assigned_at")],
        "When an agent was found.";
    1123 "connected_at" "" "" [], Instant None No Business First, Times "Connected at",
        "connected_at" => "connected_at", "times.connected_at" [(Ccai, "connected_at")],
        "When the agent was connected.";
    1124 "updated_at" "" "" [], Instant None No Technical Greatest, Times "Updated at",
        "updated_at" => "updated_at", "times.updated_at" [(Ccai, "updated_at")],
        "When the source last changed its record.";
    1125 "idle_at" "" "" [], Instant None No Business Last, Times "Idle at",
        "idle_at" => "idle_at", "times.idle_at" [(Genesys, "idleDate")],
        "When the visitor is to be taken for idle; may lie in the future.";
    1126 "away_at" "" "" [], Instant None No Business Last, Times "Away at",
        "away_at" => "away_at", "times.away_at" [(Genesys, "awayDate")],
        "When the visitor is to be taken for gone; may lie in the future.";
    1130 "hold_ms" "" "" [], Number Millis No Business Last, Durations "Time on hold",
        "hold_ms" => "hold_ms", "durations.hold_ms" [(Ccai, "hold_duration")],
        "Time on hold.";
    1131 "wait_ms" "" "" [], Number Millis No Business Last, Durations "Time in queue",
        "wait_ms" => "wait_ms", "durations.wait_ms" [(Ccai, "wait_duration") (Ccai, "queue_duration")],
        "Time before the agent was connected.";
    1132 "handle_legs" "" "" [], Json None No Worker Last, Durations "Handle legs",
        "legs.handle" => "reported_legs.handle", "legs.handle[]" [(Ccai, "handle_durations[]")],
        "Per agent: talk, hold, work before and after.";
    1133 "queue_legs" "" "" [], Json None No Business Last, Durations "Queue legs",
        "legs.queue" => "reported_legs.queue", "legs.queue[]" [(Ccai, "queue_durations[]")],
        "Per queue: how long, and whether the service level was met.";
    1134 "virtual_agent_legs" "" "" [], Json None No Business Last, Durations "Virtual agent legs",
        "legs.virtual_agent" => "reported_legs.virtual_agent", "legs.virtual_agent[]" [(Ccai, "virtual_agent_handle_durations[]")],
        "Per virtual agent: how long it handled the session.";
    1135 "legs_reported" "" "" [], Json None No Worker Last, Durations "Legs reported",
        "legs.reported" => "", "legs.reported[]" [],
        "Every leg as the source reports it, in the form of the record's own legs, which it stands for: a list of kind, started_at, ended_at, agent, queue, wait_ms, hold_ms and so on.";
    1136 "after_work_ms" "" "" [], Number Millis No Business Signal, Durations "Work after a leg",
        "call.after_work_ms" => "", "legs.handle[]" [],
        "Work of the agent after the leg that was answered last.";
    1137 "before_work_ms" "" "" [], Number Millis No Business Signal, Durations "Work before a leg",
        "call.before_work_ms" => "", "legs.handle[]" [],
        "Work of the agent before the leg that goes on or ended last.";
    1138 "met_service_level" "" "" [], Flag None No Business Signal, Durations "Service level met",
        "queue.met_service_level" => "", "legs.queue[]" [],
        "Whether the wait in the queue that goes on or ended last met the service level.";
    // State
    1140 "source_status" "" "" [], Text None No Business Last, State "Status in the source",
        "source_status" => "source_status", "status.current" [(Ccai, "status") (Tropo, "result.state")],
        "The source's own status, kept beside our lifecycle.";
    1141 "source_sub_status" "" "" [], Text None No Business Last, State "Sub-status in the source",
        "source_sub_status" => "source_sub_status", "status.current" [(Ccai, "sub_status")],
        "Finer status of the source.";
    1142 "virtual_agent" "" "" [], Flag None No Business Last, State "Virtual agent",
        "virtual_agent.assigned" => "virtual_agent.assigned", "status.virtual_agent" [(Ccai, "virtual_agent")],
        "Whether a virtual agent was assigned.";
    1143 "virtual_agent_connected_at" "" "" [], Instant None No Business First, State "Virtual agent connected at",
        "virtual_agent.connected_at" => "virtual_agent.connected_at", "status.virtual_agent" [(Ccai, "va_connected_at")],
        "When a virtual agent was connected.";
    1144 "acd_outcome" "" "" [], Text None No Business Last, State "Distribution outcome",
        "acd_outcome" => "acd_outcome", "status.acd_outcome" [(Genesys, "lastAcdOutcome")],
        "What call distribution came to: success, abandon or flow-out.";
    1145 "disconnected_by" "" "" [], Text None No Business Last, Telephony "Disconnected by",
        "call.disconnected_by" => "call.disconnected_by", "status.disconnect" [(Ccai, "disconnected_by")],
        "Who ended an interaction; the reason is another field.";
    1146 "event_count" "" "" [], Number Count No Business Last, State "Events reported",
        "event_count" => "reported_event_count", "counts.events" [(Genesys, "eventCount")],
        "Events as the source counts them; the record's own event_count counts signals.";
    1147 "pageview_count" "" "" [], Number Count No Business Last, State "Page views reported",
        "pageview_count" => "reported_pageview_count", "counts.pageviews" [(Genesys, "pageviewCount")],
        "Page views as the source counts them; the record's own pageview_count counts signals.";
    1148 "screenview_count" "" "" [], Number Count No Business Last, State "Screen views reported",
        "screenview_count" => "reported_screenview_count", "counts.screenviews" [(Genesys, "screenviewCount")],
        "Screen views as the source counts them.";
    1149 "message_count" "" "" [], Number Count No Business Last, State "Messages reported",
        "message_count" => "reported_message_count", "counts.messages" [(Ccai, "message_count")],
        "Messages as the source counts them.";
    1150 "last_event" "" "" [], Json None No Business Last, State "Last event",
        "last_event" => "last_event", "events.last" [(Genesys, "lastEvent")],
        "Id, name and time of the source's last event.";
    1151 "source_status_next" "" "" [], Texts None No Technical Last, State "Statuses that usually follow",
        "source_status_next" => "", "status.usual_next" [],
        "Statuses of the source that usually follow the one in source_status; another one that follows is flagged as unexpected_transition.";
    // Outcome
    1160 "source_disposition_codes" "" "" [], Texts None No Business Last, Outcome "Codes in the source",
        "disposition.source_codes" => "disposition.source_codes", "disposition.code" [(Genesys, "lastUserDisposition.code") (Ccai, "disposition_codes[]")],
        "The source's own codes, before they are mapped to ours.";
    1161 "source_disposition" "" "" [], Json None No Free Last, Outcome "Disposition in the source",
        "disposition.source_record" => "disposition.source_record", "disposition.source_record" [(Genesys, "lastUserDisposition")],
        "The source's whole statement of the outcome.";
    1162 "outcomes" "" "" [], Json None No Business Last, Outcome "Outcomes achieved",
        "outcomes" => "outcomes", "outcomes.achieved[]" [(Genesys, "outcomeAchievements")],
        "Which goals were reached, and when.";
    1163 "segments" "" "" [], Json None No Business Last, Outcome "Segments assigned",
        "segments" => "segments", "segments.assigned[]" [(Genesys, "segmentAssignments")],
        "Which segments the visitor was put into, and when.";
    1164 "has_feedback" "" "" [], Flag None No Business Last, Outcome "Feedback given",
        "rating.given" => "rating.given", "satisfaction.rating" [(Ccai, "has_feedback")],
        "Whether the person answered the survey.";
    1165 "deflection" "" "" [], Text None No Business Last, Outcome "Deflection",
        "deflection.kind" => "deflection.kind", "deflection" [(Ccai, "deflection")],
        "Where the person was led instead of the queue.";
    1166 "deflection_details" "" "" [], Json None No Business Last, Outcome "Deflection details",
        "deflection.details" => "deflection.details", "deflection" [(Ccai, "deflection_details[]")],
        "Each deflection with its time.";
    1167 "recordings" "" "" [], Json None No Link Last, Outcome "Recordings",
        "recording.all" => "recording.all", "recording.url" [(Ccai, "recordings[]")],
        "Every recording, where there are several.";
    // Person
    1170 "external_contact" "" "" [], Json None No Quasi Last, Person "External contact",
        "person.external_contact" => "person.external_contact", "person.external_contact" [(Genesys, "externalContact")],
        "Reference of the person in the source's contact list.";
    1171 "user_type" "" "" [], Text None No Business Last, Person "Kind of user",
        "person.user_type" => "person.user_type", "person.user_type" [(Tropo, "session.userType")],
        "human, machine or fax, as far as the source can tell.";
    1172 "verified" "" "" [], Flag None No Special Last, Person "Verified",
        "person.verified" => "person.verified", "person.verified" [(Ccai, "verified")],
        "Whether the person proved who they are during the session; not the same as signed in (C26).";
    // Technical
    1180 "ip_organization" "" "" [], Text None No Network First, Technical "IP organisation",
        "technical.ip_organization" => "technical.ip_organization", "tech.ip_organization" [(Genesys, "ipOrganization")],
        "Owner of the address block.";
    1181 "browser" "" "" [], Json None No Network First, Technical "Browser",
        "technical.browser" => "technical.browser", "tech.browser" [(Genesys, "browser")],
        "Family, version, language, viewport and features.";
    1182 "device" "" "" [], Json None No Network First, Technical "Device",
        "technical.device" => "technical.device", "tech.device" [(Genesys, "device") (Segment, "context.device")],
        "Category, type, screen and operating system.";
    1183 "geolocation" "" "" [], Json None No Quasi First, Technical "Geolocation",
        "technical.geolocation" => "technical.geolocation", "tech.geolocation" [(Genesys, "geolocation")],
        "Place of the address; never merged with the postal address (C17).";
    1184 "app" "" "" [], Json None No Technical First, Technical "Application",
        "technical.app" => "technical.app", "tech.app" [(Genesys, "app") (Segment, "context.app")],
        "Name, version and build of a native application.";
    1185 "sdk" "" "" [], Json None No Technical First, Technical "SDK",
        "technical.sdk" => "technical.sdk", "tech.app" [(Genesys, "sdkLibrary") (Segment, "context.library")],
        "Library that sent the signals.";
    1186 "connectivity" "" "" [], Json None No Network Last, Technical "Connectivity",
        "technical.connectivity" => "technical.connectivity", "tech.app" [(Genesys, "networkConnectivity") (Segment, "context.network")],
        "Carrier and kind of the device's connection.";
    1187 "screen_name" "" "" [], Text None No Link Last, Technical "Screen",
        "screen.name" => "screen.last.name", "tech.app" [(Genesys, "lastScreen") (Segment, "properties.name")],
        "Screen of an application; a session keeps the last.";
    1188 "sip_headers" "" "" [], Json None No Free First, Technical "SIP headers",
        "technical.sip_headers" => "technical.sip_headers", "tech.sip_headers" [(Tropo, "session.headers")],
        "Headers of the call set-up by name.";
    1189 "latitude" "" "LAT" [], Decimal None No Quasi Last, Technical "Latitude",
        "technical.latitude" => "technical.latitude", "tech.geolocation" [(Segment, "context.location.latitude")],
        "Degrees north, as the device reports them.";
    1190 "longitude" "" "LON" [], Decimal None No Quasi Last, Technical "Longitude",
        "technical.longitude" => "technical.longitude", "tech.geolocation" [(Segment, "context.location.longitude")],
        "Degrees east, as the device reports them.";
    // Telephony and contact centre
    1200 "outbound_number" "" "" [], Text None No Business First, Telephony "Outbound number",
        "call.outbound_number" => "call.outbound_number", "line.outbound_number" [(Ccai, "outbound_number")],
        "Number of ours that an outbound call showed.";
    1201 "destination_name" "" "" [], Text None No Business First, Telephony "Destination",
        "call.destination" => "call.destination", "line.destination_name" [(Tropo, "session.to.name")],
        "Name of the line or application that was reached.";
    1202 "initial_text" "" "" [], Text None No Free First, Telephony "First message",
        "text.initial" => "text.initial", "text.initial" [(Tropo, "session.initialText")],
        "Text with which a messaging session began.";
    1203 "menu_selected" "" "" [], Json None No Business Last, Telephony "Menu chosen",
        "menu.selected" => "menu.selected", "menu.selected" [(Ccai, "selected_menu")],
        "Menu entry that the person chose.";
    1204 "menu_path" "" "" [], Texts None No Business Last, Telephony "Menu path",
        "menu.path" => "menu.path", "menu.path" [(Ccai, "menu_path") (Ccai, "menu_path.name")],
        "Names from the root of the menu to the entry.";
    1205 "menu_path_ids" "" "" [], Texts None No Business Last, Telephony "Menu path ids",
        "menu.path_ids" => "menu.path_ids", "menu.path_ids" [(Ccai, "menu_path.materialized_path")],
        "Ids from the root of the menu to the entry.";
    1206 "queue_priority" "" "" [], Number None No Business Last, Telephony "Queue priority",
        "queue.priority" => "queue.priority", "queue.priority" [(Ccai, "queue_priority_level")],
        "1 to 8.";
    1207 "participants" "" "" [], Json None No Worker Last, Telephony "Participants",
        "participants" => "participants", "participants[]" [(Ccai, "participants[]")],
        "Who took part, and when.";
    1208 "transfers" "" "" [], Json None No Worker Last, Telephony "Transfers",
        "transfers" => "transfers", "transfers[]" [(Ccai, "transfers[]")],
        "From whom to whom, when, and what came of it.";
    1209 "smart_actions" "" "" [], Json None No Free Last, Telephony "Smart actions",
        "smart_actions" => "smart_actions", "smart_actions" [(Ccai, "smart_actions") (Ccai, "photos[]") (Ccai, "videos[]") (Ccai, "texts[]")],
        "What the person was asked for in the session: photos, videos, text, proof of identity.";
    1210 "in_call_messages" "" "" [], Json None No Free Last, Telephony "Messages in a call",
        "messages.in_call" => "messages.in_call", "messages.in_call[]" [(Ccai, "in_call_sms[]")],
        "Text messages that were sent during a call.";
    1211 "waiting_messages" "" "" [], Json None No Free Last, Telephony "Messages in the queue",
        "messages.waiting" => "messages.waiting", "messages.waiting[]" [(Ccai, "wait_time_sms[]")],
        "Text messages that were sent while the person waited.";
    1212 "ticket_id" "" "" [], Text None No Quasi Last, Context "Ticket",
        "crm.ticket_id" => "crm.ticket_id", "crm.ticket" [(Ccai, "out_ticket_id") (Genesys, "caseReference")],
        "Ticket or case in the customer relationship system.";
    1213 "ticket_url" "" "" [], Text None No Link Last, Context "Ticket URL",
        "crm.ticket_url" => "crm.ticket_url", "crm.ticket" [(Ccai, "out_ticket_url")],
        "Page of the ticket.";
    1214 "cases" "" "" [], Json None No Quasi Last, Context "Cases",
        "crm.cases" => "crm.cases", "crm.ticket" [(Genesys, "caseEntity") (Genesys, "caseStatus") (Genesys, "caseAssociations")],
        "Cases that the source ties to the session.";
    1215 "diagnostics" "" "" [], Json None No Technical Last, Telephony "Diagnostics",
        "diagnostics" => "diagnostics", "diagnostics" [(Ccai, "diagnostics")],
        "Quality figures of the connection.";
    // Attributes of the source
    1220 "source_attributes" "" "" [], Json None No Free Last, Context "Attributes of the source",
        "source_attributes.values" => "source_attributes.values", "attributes" [(Genesys, "attributes")],
        "Typed values that the source's own users define.";
    1221 "source_attribute_lists" "" "" [], Json None No Free Last, Context "Attribute lists of the source",
        "source_attributes.lists" => "source_attributes.lists", "attribute_lists" [(Genesys, "attributeLists")],
        "Typed lists that the source's own users define.";
}
