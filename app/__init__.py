"""Waybill keeps Walmart Marketplace in step with Adobe Commerce."""
