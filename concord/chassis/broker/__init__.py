"""The broker port: records in partitions, in Kafka or in memory."""
