//! Where frames come from: capture files and AF_PACKET.
