// A package file on the controller, described by its own header.

export interface PackageFile {
  readonly kind: 'rpm' | 'deb';
  readonly name: string;
  /** [epoch:]version-release, as package managers write it; an epoch of 0 is left out. */
  readonly version: string;
  /** `x86_64`, `noarch`, `amd64`, `all`. */
  readonly arch: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** Its path on the controller. */
  readonly at: string;
  /** Packages of other given files that it requires, by their names or by what they provide. */
  readonly needs: readonly string[];
}

/** By path or URL, as written. */
export type PackageFiles = Readonly<Record<string, PackageFile>>;
