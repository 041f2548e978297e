"use strict";
// Handing files to the reader: one as it is, several as a zip archive without compression. `zip` is pure.
(() => {
  const CRC = new Uint32Array(256).map((_, n) => { let c = n; for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1; return c; });
  const MOST = 65535; // files of an archive, without its extensions for more

  function checksum(bytes) {
    let c = ~0;
    for (const byte of bytes) c = CRC[(c ^ byte) & 255] ^ (c >>> 8);
    return ~c >>> 0;
  }

  // A name that stays in the archive's folder on every system.
  const safe = (name) => name.replace(/[\u0000-\u001f\u007f\\]/g, "_").replace(/^[a-z]:/i, "_").split("/").map((part) => part.replace(/^\.*$/, "_")).join("/");

  function names(files) { // safe ones, each once, whether or not a system tells capitals from small letters
    const taken = new Set();
    return files.map(([name]) => {
      const [, stem, suffix] = /^(.*?)(\.[^./]*)?$/s.exec(safe(name));
      let own = stem + (suffix || "");
      for (let n = 2; taken.has(own.toLowerCase()); n++) own = `${stem}_${n}${suffix || ""}`;
      taken.add(own.toLowerCase());
      return own;
    });
  }

  function head(signature, path, data, crc, offset) { // of a file, or of its entry in the directory
    const inDirectory = offset !== undefined, view = new DataView(new ArrayBuffer(inDirectory ? 46 : 30)), at = inDirectory ? 6 : 4;
    view.setUint32(0, signature, true);
    if (inDirectory) view.setUint16(4, 20, true);
    view.setUint16(at, 20, true);
    view.setUint16(at + 2, 0x0800, true); // names are UTF-8
    view.setUint16(at + 8, 0x21, true); // 1980-01-01
    view.setUint32(at + 10, crc, true);
    view.setUint32(at + 14, data.length, true);
    view.setUint32(at + 18, data.length, true);
    view.setUint16(at + 22, path.length, true);
    if (inDirectory) view.setUint32(42, offset, true);
    return new Uint8Array(view.buffer);
  }

  function zip(files) { // [[name, text]] -> list of byte arrays
    if (files.length > MOST) throw new Error(`${files.length} files are too many for one archive; choose fewer images.`);
    const encoder = new TextEncoder(), chunks = [], directory = [], own = names(files);
    let offset = 0, size = 0;
    files.forEach(([, text], i) => {
      const path = encoder.encode(own[i]), data = encoder.encode(text), crc = checksum(data);
      directory.push(head(0x02014b50, path, data, crc, offset), path);
      chunks.push(head(0x04034b50, path, data, crc), path, data);
      offset += 30 + path.length + data.length;
      size += 46 + path.length;
      if (path.length > 65535 || offset + size >= 2 ** 32) throw new Error("This is too much for one archive; choose fewer images.");
    });
    const end = new DataView(new ArrayBuffer(22));
    end.setUint32(0, 0x06054b50, true);
    end.setUint16(8, files.length, true);
    end.setUint16(10, files.length, true);
    end.setUint32(12, size, true);
    end.setUint32(16, offset, true);
    return [...chunks, ...directory, new Uint8Array(end.buffer)];
  }

  function save(name, parts, type) {
    const address = URL.createObjectURL(new Blob(parts, { type }));
    const link = SCALER.el("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }

  function files(name, list, { archive = list.length > 1 } = {}) {
    if (archive) save(`${name}.zip`, zip(list), "application/zip");
    else save(list[0][0], [list[0][1]], "application/octet-stream");
  }

  SCALER.download = { files, zip, save };
})();
