"""The broker of the local stack: Apache Kafka in KRaft mode, one process, from its own jars."""
