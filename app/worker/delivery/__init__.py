"""One update in, one outcome out.

    executor ── context ──▶ deliver.perform ── plans ──▶ flow of the kind (shipment.py, refund.py …)
                                │  the one place that awaits a call
                                ▼
                            Walmart, Commerce

A flow is a generator without I/O: `flow.py` has its types, `steps.py` what several flows share. The
outcome of an error is in `outcomes.py`, its message in `error_messages.py`. Nothing is sent again
after an unclear answer before a read shows it absent. Start with `deliver.py` and `shipment.py`.
"""
