"""Documented lists of the portal that are no streams, and why."""

from __future__ import annotations

from collections.abc import Mapping

COVERED = "covered by another stream"
APPLICATION = "application only"
INTERACTIVE = "interactive context needed"
NO_LIST = "no list documented"
REASONS = (COVERED, APPLICATION, "write-side helper", INTERACTIVE, NO_LIST)

EXCLUDED: Mapping[str, tuple[str, str, str]] = {
    "items_lead": ("crm.item.list", COVERED, "leads; crm_methods: universal reads it"),
    "items_deal": ("crm.item.list", COVERED, "deals; crm_methods: universal reads it"),
    "items_contact": ("crm.item.list", COVERED, "contacts; crm_methods: universal reads it"),
    "items_company": ("crm.item.list", COVERED, "companies; crm_methods: universal reads it"),
    "items_quote": ("crm.item.list", COVERED, "quotes; crm_methods: universal reads it"),
    "crm_product_rows_old": ("crm.productrow.list", COVERED, "crm_product_rows"),
    "deal_categories_old": ("crm.dealcategory.list", COVERED, "crm_categories"),
    "deal_category_stages_old": ("crm.dealcategory.stage.list", COVERED, "crm_statuses"),
    "crm_products_old": ("crm.product.list", COVERED, "products"),
    "crm_product_sections_old": ("crm.productsection.list", COVERED, "product_sections"),
    "crm_product_properties_old": ("crm.product.property.list", COVERED, "product_properties"),
    "crm_catalogs_old": ("crm.catalog.list", COVERED, "catalogs"),
    "crm_vat_rates_old": ("crm.vat.list", COVERED, "vat_rates"),
    "crm_measures_old": ("crm.measure.list", COVERED, "measures"),
    "crm_pay_systems_old": ("crm.paysystem.list", COVERED, "pay_systems"),
    "crm_person_types_old": ("crm.persontype.list", COVERED, "order_person_types"),
    "tasks_old_item_list": ("task.item.list", COVERED, "tasks"),
    "users_search": ("user.search", COVERED, "users: the same rows, for searching"),
    "rpa_timeline": (
        "rpa.timeline.listForItem",
        COVERED,
        "RPA is deprecated as a whole; smart processes do its work",
    ),
    "crm_activity_types": ("crm.activity.type.list", APPLICATION, "types the calling application has registered"),
    "crm_automation_triggers": ("crm.automation.trigger.list", APPLICATION, "the calling application's triggers"),
    "bizproc_activities": ("bizproc.activity.list", APPLICATION, "codes the calling application has registered"),
    "bizproc_robots": ("bizproc.robot.list", APPLICATION, "codes the calling application has registered"),
    "telephony_external_lines": ("telephony.externalLine.get", APPLICATION, "the calling application's lines"),
    "openlines_connectors": ("imconnector.list", APPLICATION, "connectors, for applications that serve one"),
    "hcmlink_companies": ("humanresources.hcmlink.company.list", APPLICATION, "links to a payroll system"),
    "hcmlink_employees": ("humanresources.hcmlink.employee.list", APPLICATION, "links to a payroll system"),
    "sign_company_providers": ("sign.b2e.company.provider.list", APPLICATION, "signing services"),
    "sign_company_documents": ("sign.b2e.mysafe.tail", APPLICATION, "signed documents of a company"),
    "sign_personal_documents": ("sign.b2e.personal.tail", APPLICATION, "signed documents of a person"),
    "entity_storages": ("entity.get", APPLICATION, "the calling application's own storage"),
    "entity_items": ("entity.item.get", APPLICATION, "the calling application's own storage"),
    "entity_sections": ("entity.section.get", APPLICATION, "the calling application's own storage"),
    "entity_item_properties": ("entity.item.property.get", APPLICATION, "the calling application's own storage"),
    "message_senders": ("messageservice.sender.list", APPLICATION, "codes the calling application has registered"),
    "event_handlers": ("event.get", APPLICATION, "the calling application's subscriptions"),
    "offline_events": ("event.offline.list", APPLICATION, "the calling application's queue"),
    "im_notifications": ("im.notify.get", INTERACTIVE, "the inbox of whoever calls, read backwards from the newest"),
    "timeman_schedules": ("timeman.schedule.get", NO_LIST, "one schedule by its id; no method lists the ids"),
}
"""Name → (method, one of REASONS, what to read instead or an explanation)."""
