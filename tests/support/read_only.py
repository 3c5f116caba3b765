"""All methods the tap may call, looked through one by one: none of them changes anything."""

_NAMES = """
    rest.scope.list documentation main.eventlog.tail main.eventlog.field.list humanresources.node.list
    humanresources.node.get humanresources.node.field.list humanresources.node.member.field.list
    humanresources.node.communication.list timeman.record.list timeman.record.field.list call.followup.list
    call.followup.field.list mail.mailbox.list mail.mailbox.field.list mail.message.list mail.message.field.list
    note.collection.list note.collection.field.list note.document.tree.list note.document.get note.document.field.list
    tasks.task.gantt.link.list tasks.task.gantt.link.field.list tasks.task.result.list
    ai.engine.list biconnector.connector.fields biconnector.connector.list biconnector.dataset.fields
    biconnector.dataset.list biconnector.source.fields biconnector.source.list bizproc.task.list
    bizproc.workflow.instances bizproc.workflow.template.list booking.v1.booking.client.list
    booking.v1.booking.externalData.list booking.v1.booking.list booking.v1.clienttype.list
    booking.v1.resource.list booking.v1.resource.slots.list booking.v1.resourceType.list
    booking.v1.waitlist.client.list booking.v1.waitlist.externalData.list booking.v1.waitlist.list
    calendar.event.get calendar.resource.booking.list calendar.resource.list calendar.section.get
    catalog.catalog.getFields catalog.catalog.list catalog.document.element.getFields
    catalog.document.element.list catalog.document.getFields catalog.document.list
    catalog.documentcontractor.getFields catalog.documentcontractor.list catalog.extra.getFields
    catalog.extra.list catalog.measure.getFields catalog.measure.list catalog.price.getFields catalog.price.list
    catalog.priceType.getFields catalog.priceType.list catalog.priceTypeGroup.getFields
    catalog.priceTypeGroup.list catalog.priceTypeLang.getFields catalog.priceTypeLang.list
    catalog.product.getFieldsByFilter catalog.product.list catalog.product.offer.getFieldsByFilter
    catalog.product.offer.list catalog.product.service.getFieldsByFilter catalog.product.service.list
    catalog.product.sku.getFieldsByFilter catalog.product.sku.list catalog.productImage.getFields
    catalog.productImage.list catalog.productProperty.getFields catalog.productProperty.list
    catalog.productPropertyEnum.getFields catalog.productPropertyEnum.list
    catalog.productPropertyFeature.getFields catalog.productPropertyFeature.list
    catalog.productPropertySection.list catalog.ratio.getFields catalog.ratio.list
    catalog.roundingRule.getFields catalog.roundingRule.list catalog.section.getFields catalog.section.list
    catalog.store.getFields catalog.store.list catalog.storeproduct.getFields catalog.storeproduct.list
    catalog.userfield.document.list catalog.vat.getFields catalog.vat.list crm.activity.badge.list
    crm.activity.binding.list crm.activity.fields crm.activity.list crm.address.fields crm.address.list
    crm.automatedsolution.fields crm.automatedsolution.list crm.calllist.items.get crm.calllist.list
    crm.calllist.statuslist crm.category.fields crm.category.list crm.company.contact.fields
    crm.company.contact.items.get crm.company.fields crm.company.list crm.company.userfield.list
    crm.contact.company.fields crm.contact.company.items.get crm.contact.fields crm.contact.list
    crm.contact.userfield.list crm.currency.fields crm.currency.list crm.deal.contact.fields
    crm.deal.contact.items.get crm.deal.fields crm.deal.list crm.deal.recurring.fields crm.deal.recurring.list
    crm.deal.userfield.list crm.documentgenerator.document.list crm.documentgenerator.numerator.list
    crm.documentgenerator.template.list crm.duplicate.volatileType.list crm.enum.activitytype
    crm.enum.addresstype crm.enum.fields crm.enum.ownertype crm.invoice.fields crm.invoice.list
    crm.invoice.recurring.fields crm.invoice.recurring.list crm.invoice.status.fields crm.invoice.status.list
    crm.item.delivery.list crm.item.fields crm.item.list crm.item.payment.delivery.list crm.item.payment.list
    crm.item.payment.product.list crm.item.productrow.fields crm.item.productrow.list crm.lead.contact.fields
    crm.lead.contact.items.get crm.lead.fields crm.lead.list crm.lead.userfield.list crm.orderentity.getFields
    crm.orderentity.list crm.quote.contact.fields crm.quote.contact.items.get crm.quote.fields crm.quote.list
    crm.quote.userfield.list crm.requisite.bankdetail.fields crm.requisite.bankdetail.list crm.requisite.fields
    crm.requisite.link.fields crm.requisite.link.list crm.requisite.list crm.requisite.preset.field.fields
    crm.requisite.preset.field.list crm.requisite.preset.fields crm.requisite.preset.list
    crm.requisite.userfield.list crm.stagehistory.list crm.status.fields crm.status.list
    crm.timeline.bindings.fields crm.timeline.bindings.list crm.timeline.comment.fields
    crm.timeline.comment.list crm.timeline.icon.list crm.timeline.logmessage.list crm.timeline.logo.list
    crm.type.fields crm.type.list crm.userfield.fields department.fields department.get disk.file.getFields
    disk.file.getVersions disk.folder.getChildren disk.folder.getFields disk.storage.getChildren
    disk.storage.getFields disk.storage.getList documentgenerator.document.list documentgenerator.numerator.list
    documentgenerator.region.list documentgenerator.role.list documentgenerator.template.list im.chat.user.list
    im.dialog.messages.get im.dialog.users.list im.recent.list imopenlines.config.list.get
    imopenlines.crm.chat.get imopenlines.session.history.get landing.block.getlist landing.landing.getList
    landing.repo.getList landing.role.getList landing.site.getList landing.template.getlist lists.element.get
    lists.field.get lists.get lists.section.get log.blogcomment.user.get log.blogpost.get mailservice.fields
    mailservice.list rpa.item.list rpa.stage.listForType rpa.type.list sale.basketitem.getFields
    sale.basketitem.list sale.basketproperties.getFields sale.basketproperties.list
    sale.businessValuePersonDomain.getFields sale.businessValuePersonDomain.list sale.cashbox.handler.list
    sale.cashbox.list sale.delivery.extra.service.get sale.delivery.getlist sale.delivery.handler.list
    sale.order.getFields sale.order.list sale.payment.getfields sale.payment.list
    sale.paymentitembasket.getfields sale.paymentitembasket.list sale.paymentitemshipment.getfields
    sale.paymentitemshipment.list sale.paysystem.handler.list sale.paysystem.list sale.persontype.getFields
    sale.persontype.list sale.property.getfieldsbytype sale.property.list sale.propertyRelation.getFields
    sale.propertyRelation.list sale.propertygroup.getFields sale.propertygroup.list sale.propertyvalue.getFields
    sale.propertyvalue.list sale.propertyvariant.getFields sale.propertyvariant.list sale.shipment.getFields
    sale.shipment.list sale.shipmentitem.getfields sale.shipmentitem.list sale.shipmentproperty.getfieldsbytype
    sale.shipmentproperty.list sale.shipmentpropertyvalue.getfields sale.shipmentpropertyvalue.list
    sale.status.getfields sale.status.list sale.statusLang.getFields sale.statusLang.list
    sale.tradeBinding.getFields sale.tradeBinding.list sale.tradePlatform.getFields sale.tradePlatform.list
    scope socialnetwork.api.workgroup.list sonet_group.get sonet_group.user.get task.checklistitem.getlist
    task.commentitem.getlist task.elapseditem.getlist task.item.userfield.getfields task.item.userfield.getlist
    task.planner.getlist task.stages.get tasks.api.scrum.backlog.get tasks.api.scrum.backlog.getFields
    tasks.api.scrum.epic.getFields tasks.api.scrum.epic.list tasks.api.scrum.kanban.getFields
    tasks.api.scrum.kanban.getStages tasks.api.scrum.sprint.getFields tasks.api.scrum.sprint.list
    tasks.api.scrum.task.get tasks.api.scrum.task.getFields tasks.flow.Flow.get tasks.task.getFields
    tasks.task.history.list tasks.task.list tasks.task.result.list tasks.template.checklist.list
    tasks.template.fields tasks.template.get timeman.timecontrol.reports.get user.fields user.get
    user.userfield.list userconsent.agreement.list userfieldconfig.list voximplant.line.get voximplant.sip.get
    voximplant.statistic.get voximplant.user.get
"""
READ_ONLY = frozenset(_NAMES.split())
"""The portal's spelling; every test's portal ends with a check that nothing else was called."""
