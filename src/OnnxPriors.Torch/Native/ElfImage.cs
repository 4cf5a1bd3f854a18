using System.Buffers.Binary;
using System.Text;

namespace OnnxPriors.Torch.Native;

/// <summary>
/// The little of a 64-bit little-endian ELF shared library that symbol versions need: it reads what the dynamic linker itself reads
/// (program headers and the dynamic section), not the section headers, which may be stripped.
/// </summary>
/// <remarks>
/// System V gABI, 'Dynamic Section'; Linux Standard Base, 'Symbol Versioning' (Elf64_Verneed, Elf64_Vernaux, DT_VERSYM).
/// A file that is cut short or points outside itself throws <see cref="InvalidDataException"/>.
/// </remarks>
internal sealed class ElfImage
{
    private const int ProgramHeaderSize = 56, DynamicEntrySize = 16, RelocationSize = 24;
    private const uint LoadSegment = 1, DynamicSegment = 2;
    private const long StringTable = 5, Relocations = 7, RelocationsSize = 8, JumpRelocationsSize = 2, JumpRelocations = 23;
    private const long VersionSymbols = 0x6ffffff0, VersionNeeds = 0x6ffffffe, VersionNeedsCount = 0x6fffffff;

    private readonly ReadOnlyMemory<byte> file;
    private readonly List<(ulong Address, ulong Offset, ulong Size)> segments = [];
    private readonly Dictionary<long, ulong> dynamic = [];

    private ElfImage(ReadOnlyMemory<byte> file) => this.file = file;

    /// <summary>One version that the library asks of another: an Elf64_Vernaux.</summary>
    /// <param name="Library">The library it asks, as its DT_NEEDED names it.</param>
    /// <param name="Version">The version's name, for instance GLIBCXX_3.4.30.</param>
    /// <param name="Flags">vna_flags; 0x2 means weak: the dynamic linker goes on where the version is absent.</param>
    /// <param name="Index">vna_other: the number by which the version table refers to it.</param>
    /// <param name="FlagsOffset">Where vna_flags lies in the file, in bytes.</param>
    public readonly record struct NeededVersion(string Library, string Version, ushort Flags, ushort Index, int FlagsOffset);

    /// <summary>Reads a library's program headers and dynamic section.</summary>
    /// <param name="file">The whole file.</param>
    /// <returns>The image, or null where the file is not a 64-bit little-endian ELF file with a dynamic section.</returns>
    /// <exception cref="InvalidDataException">A header points outside the file.</exception>
    public static ElfImage? TryRead(ReadOnlyMemory<byte> file)
    {
        var bytes = file.Span;
        if (bytes.Length < 64 || !bytes[..4].SequenceEqual("\u007fELF"u8) || bytes[4] != 2 || bytes[5] != 1) return null;
        var image = new ElfImage(file);
        ulong table = image.Word64(32);
        int count = image.Word16(56);
        (ulong Offset, ulong Size)? dynamic = null;
        for (var i = 0; i < count; i++)
        {
            int header = image.Checked(table + (ulong)(i * ProgramHeaderSize), ProgramHeaderSize);
            uint type = image.Word32(header);
            var (offset, address, size) = (image.Word64(header + 8), image.Word64(header + 16), image.Word64(header + 32));
            if (type == LoadSegment) image.segments.Add((address, offset, size));
            if (type == DynamicSegment) dynamic = (offset, size);
        }
        if (dynamic is not { } section) return null;
        for (ulong at = 0; at + DynamicEntrySize <= section.Size; at += DynamicEntrySize)
        {
            int entry = image.Checked(section.Offset + at, DynamicEntrySize);
            long tag = (long)image.Word64(entry);
            if (tag == 0) break;
            image.dynamic[tag] = image.Word64(entry + 8);
        }
        return image;
    }

    /// <summary>Every version that the library asks of others, in the file's order.</summary>
    public IReadOnlyList<NeededVersion> NeededVersions()
    {
        var found = new List<NeededVersion>();
        if (!dynamic.TryGetValue(VersionNeeds, out ulong address) || !dynamic.TryGetValue(VersionNeedsCount, out ulong libraries)) return found;
        ulong need = FileOffset(address);
        for (ulong i = 0; i < libraries; i++)
        {
            int at = Checked(need, 16);
            string library = Text(Word32(at + 4));
            ulong version = need + Word32(at + 8);
            int versions = Word16(at + 2);
            for (var j = 0; j < versions; j++)
            {
                int entry = Checked(version, 16);
                found.Add(new NeededVersion(library, Text(Word32(entry + 8)), Word16(entry + 4), Word16(entry + 6), entry + 4));
                uint next = Word32(entry + 12);
                if (next == 0) break;
                version += next;
            }
            uint step = Word32(at + 12);
            if (step == 0) break;
            need += step;
        }
        return found;
    }

    /// <summary>Whether any relocation refers to a symbol of that version, so that the library cannot run without it.</summary>
    /// <param name="versionIndex">The version's number, <see cref="NeededVersion.Index"/>.</param>
    public bool UsesVersion(ushort versionIndex)
    {
        if (!dynamic.TryGetValue(VersionSymbols, out ulong address)) return false;
        ulong versions = FileOffset(address);
        return Any(Relocations, RelocationsSize) || Any(JumpRelocations, JumpRelocationsSize);

        bool Any(long tableTag, long sizeTag)
        {
            if (!dynamic.TryGetValue(tableTag, out ulong tableAddress) || !dynamic.TryGetValue(sizeTag, out ulong size)) return false;
            ulong table = FileOffset(tableAddress);
            for (ulong at = 0; at + RelocationSize <= size; at += RelocationSize)
            {
                ulong symbol = Word64(Checked(table + at, RelocationSize) + 8) >> 32;
                if (symbol == 0) continue;
                if ((Word16(Checked(versions + 2 * symbol, 2)) & 0x7fff) == versionIndex) return true;
            }
            return false;
        }
    }

    private string Text(uint offset)
    {
        var rest = file.Span[Checked(FileOffset(dynamic.GetValueOrDefault(StringTable)) + offset, 1)..];
        int end = rest.IndexOf((byte)0);
        return end >= 0 ? Encoding.ASCII.GetString(rest[..end]) : throw new InvalidDataException("An ELF string runs past the end of the file.");
    }

    private ulong FileOffset(ulong address)
    {
        foreach (var (start, offset, size) in segments)
            if (address >= start && address - start < size)
                return offset + (address - start);
        throw new InvalidDataException("An ELF address lies in no segment of the file.");
    }

    private int Checked(ulong offset, int size) =>
        offset <= (ulong)(file.Length - size) ? (int)offset : throw new InvalidDataException("An ELF table points outside the file.");

    private ushort Word16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(file.Span[at..]);

    private uint Word32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(file.Span[at..]);

    private ulong Word64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(file.Span[at..]);
}
