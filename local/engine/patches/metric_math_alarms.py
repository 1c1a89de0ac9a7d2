"""CloudFormation creates alarms on an expression over up to ten metrics.

Source: AWS CloudFormation Template Reference, AWS::CloudWatch::Alarm, Metrics,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html

MiniStack 1.5.33 refuses Metrics. The patched engine keeps such an alarm under its first metric, and never evaluates it.
"""

import support

METRICS_OF_AN_ALARM = 10


def apply():
    """Create an alarm with Metrics as one on the first of them."""
    from ministack.services.cloudformation import provisioners

    record = support.original(provisioners, "_cw_metric_alarm_record", "(name, props)")

    def record_with_metrics(name, props):
        if not props.get("Metrics"):
            return record(name, props)
        metrics = [metric["MetricStat"] for metric in props["Metrics"] if "MetricStat" in metric]
        if not 0 < len(metrics) <= METRICS_OF_AN_ALARM:
            raise ValueError(f"An alarm takes 1 to {METRICS_OF_AN_ALARM} metrics, not {len(metrics)}.")
        first = {**metrics[0]["Metric"], "Statistic": metrics[0]["Stat"], "Period": metrics[0]["Period"]}
        rest = {key: value for key, value in props.items() if key != "Metrics"}
        return {**record(name, {**rest, **first}), "Metrics": props["Metrics"]}

    provisioners._cw_metric_alarm_record = record_with_metrics
