using System.Buffers.Binary;

namespace OnnxPriors.Torch.Native;

/// <summary>
/// Marks one needed symbol version of a shared library as weak, in a copy of its bytes, so that the dynamic linker loads it on a host
/// whose libstdc++ is older.
/// </summary>
/// <remarks>
/// TorchSharp's native library is built with a GCC whose headers mention <c>std::ios_base_library_init</c> (GLIBCXX_3.4.32, GCC 13.2).
/// The symbol is named in its table and used nowhere: no relocation refers to it. Debian 12 and Ubuntu 22.04 have libstdc++ of GCC 12, and
/// the dynamic linker there refuses the library for the version's name alone. With VER_FLG_WEAK (0x2) set on that entry it goes on.
/// </remarks>
internal static class VersionShim
{
    /// <summary>The version that older hosts lack.</summary>
    public const string Version = "GLIBCXX_3.4.32";

    /// <summary>The one symbol that libstdc++ defines in that version.</summary>
    public const string Symbol = "_ZSt21ios_base_library_initv";

    private const ushort Weak = 0x2;

    /// <summary>Makes the copy.</summary>
    /// <param name="library">The library's whole file; it is left as it is.</param>
    /// <returns>The copy with the weak flag set, or null where the library does not ask for the version, or asks for it weakly already.</returns>
    /// <exception cref="TorchNativeException">The library really uses the version, so that weakening it would only postpone the failure.</exception>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static byte[]? Weaken(ReadOnlyMemory<byte> library)
    {
        if (ElfImage.TryRead(library) is not { } image) return null;
        var needed = image.NeededVersions().FirstOrDefault(v => v.Version == Version);
        if (needed.Version is null || (needed.Flags & Weak) != 0) return null;
        if (image.UsesVersion(needed.Index))
            throw new TorchNativeException(
                $"TorchSharp's native library uses functions of {needed.Library} in version {Version}, which this system lacks; "
                + "install libstdc++ of GCC 13.2 or newer (Debian 13, Ubuntu 24.04).");
        var copy = library.ToArray();
        BinaryPrimitives.WriteUInt16LittleEndian(copy.AsSpan(needed.FlagsOffset), (ushort)(needed.Flags | Weak));
        return copy;
    }
}
