"""Places: whole projects dealt to the processes of a service, so that each has one owner.

`assignor` deals them, as pure functions and as Kafka's clients call it; `owner` is the table of who has which, as this
process was last told; `keeper` loads what was gained and drops what was lost; `forward` hands a request to the owner;
`gather` asks all. Truth needs none of it: one insert decides, whoever inserts. Placing is for what is in memory.
"""
