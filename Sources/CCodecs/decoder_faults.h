// Decoders that misbehave when a test asks for it.
#ifndef NR_DECODER_FAULTS_H
#define NR_DECODER_FAULTS_H

// NIGHTREAD_FAULTS="crash:SIZE,hang:SIZE,…" makes the decoder of a file of exactly SIZE bytes misbehave, so that what happens to
// the rest of a night can be tried. Unset, nothing here does anything. Called where a hostile scan could first have its way.
void nr_misbehave_if_asked(int scan);

#endif
