//! Control of devices and buildings: Modbus over TCP, BACnet/IP (ANSI/ASHRAE 135), web interfaces.

/// Modbus: read holding registers (function 3), and its answer.
pub(crate) fn modbus_read(transaction: u16, register: u16) -> (Vec<u8>, Vec<u8>) {
    let [high, low] = register.to_be_bytes();
    (modbus(transaction, &[3, high, low, 0, 2]), modbus(transaction, &[3, 4, 0, 21, 0, 50]))
}

/// Modbus: write multiple registers (function 16), and its answer.
pub(crate) fn modbus_write(transaction: u16, register: u16, values: &[u16]) -> (Vec<u8>, Vec<u8>) {
    let [high, low] = register.to_be_bytes();
    let mut request = vec![16, high, low, 0, values.len() as u8, 2 * values.len() as u8];
    request.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    (modbus(transaction, &request), modbus(transaction, &[16, high, low, 0, values.len() as u8]))
}

fn modbus(transaction: u16, body: &[u8]) -> Vec<u8> {
    let mut message = transaction.to_be_bytes().to_vec();
    message.extend([0, 0]);
    message.extend((body.len() as u16 + 1).to_be_bytes());
    message.push(1);
    message.extend(body);
    message
}

/// A message of BACnet/IP: a confirmed request (invoke number, service, parameters).
fn confirmed(invoke: u8, service: u8, parameters: &[u8]) -> Vec<u8> {
    let body = [&[1, 4, 0, 5, invoke, service][..], parameters].concat();
    let mut message = vec![0x81, 0x0a];
    message.extend((body.len() as u16 + 4).to_be_bytes());
    message.extend(body);
    message
}

/// ReadProperty of the present value of an analog value.
pub(crate) fn bacnet_read(invoke: u8, instance: u16) -> Vec<u8> {
    let [high, low] = instance.to_be_bytes();
    confirmed(invoke, 12, &[0x0c, 0, 0x80, high, low, 0x19, 85])
}

/// WriteProperty of the present value of an analog value.
pub(crate) fn bacnet_write(invoke: u8, instance: u16, value: f32) -> Vec<u8> {
    let [high, low] = instance.to_be_bytes();
    let parameters =
        [&[0x0c, 0, 0x80, high, low, 0x19, 85, 0x3e, 0x44][..], &value.to_be_bytes(), &[0x3f, 0x49, 8]]
            .concat();
    confirmed(invoke, 15, &parameters)
}

/// ReinitializeDevice: cold start.
pub(crate) fn bacnet_restart(invoke: u8) -> Vec<u8> {
    confirmed(invoke, 20, &[0x09, 0])
}

/// The answer that a request was done.
pub(crate) fn bacnet_done(invoke: u8, service: u8) -> Vec<u8> {
    vec![0x81, 0x0a, 0, 9, 1, 0, 0x20, invoke, service]
}

/// An HTTP request with a body.
pub(crate) fn web_request(method: &str, path: &str, host: &str, agent: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An HTTP answer.
pub(crate) fn web_answer(status: &str, server: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nServer: {server}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
