"""The row view of one file.

view     `Table`: rows by number, by key, filtered, as a data frame; lookup, survey, html and frames are its parts
keys     the fields that identify rows; keyscan: keys read from the bytes
intake   rows as users have them, data frames too; where: which rows are asked for
edit     rows put into a file and taken out of it by key; splice: at given places
"""
