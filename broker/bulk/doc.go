// Package bulk brings many people in at once: a file with a row for each person, role
// and site, and one recorded decision over all of them.
//
//	Read     the file: its size, its encoding, its header, one Row for each line
//	  check  every cell by the same rules as the portal's forms (policies)
//	Look     every row against the record; nothing is changed
//	Run      the decision is recorded as a batch, then row after row is imported
//	Report   what became of each row, for the eye, as CSV or as JSON
//
// A row is one act with an id that is derived from the batch and the row: a run that
// was cut short at any moment is gone on with by the same command, and repeats nothing.
// The person's own signature is never part of it: their access begins with that.
//
// Rules are policies', what is written is registry's; the command line is
// cmd/countersign's.
package bulk
