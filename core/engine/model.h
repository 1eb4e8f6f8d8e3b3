// One generation of a model: a checked bundle, mapped or copied, with every serving part in place. Immutable, but for
// the count of what requests brought that it does not know and the mark of poison, and thread-safe; a generation is
// published by pointer and lives until its last reader lets go.
//
// Whatever happens to the file of a mapped generation, requests end and read nothing that is not its own: where pages
// are lost the fault guard puts zeros (core/bundle/fault_guard.h), and indices of the file are copied at load or
// checked where they are used. Answers may be nonsense then; `poisoned`, CheckFile and VerifyAgain tell.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/bundle_reader.h"
#include "core/bundle/id_table.h"
#include "core/bundle/mapped_file.h"
#include "core/engine/category_rows.h"
#include "core/engine/fold_in.h"
#include "core/engine/new_vocabulary.h"
#include "core/engine/rows_view.h"
#include "core/engine/sparse_space.h"
#include "core/engine/token_embedding.h"
#include "core/solve/trait_projection.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// A space ready to serve. Views into the model.
struct Space {
  std::string name;
  SpaceSpec spec;
  std::span<const float> items;           // [n_items × d]; empty in a space of sparse rows
  std::span<const float> users;           // [n_users × d] or empty; profiles p in a traits space
  std::span<const float> average;         // [d], mean user vector; zeros when there are no users
  std::span<const uint32_t> trait_items;  // [d × kTraitItemCount], strongest items of each dimension
  std::span<const float> inverse_norms;   // [n_items]
  double item_scale = 1;                  // 1/root mean square of ‖x‖ where the space ranks by dot product, else 1
  ScanSpace recommend;                    // by the spec's metric, with the item prior
  ScanSpace similar;                      // by cosine, without it
  // [n_categories × d], of what fold_in looks history items up in; empty where each item has a vector
  // (category_means.h).
  std::vector<float> category_means;
  // What makes a subject's vector: one of these.
  std::unique_ptr<const FoldInSolver> fold_in;  // of items
  bool has_tokens = false;                      // of tokens: `embedding`, and `traits` on top of it
  TokenEmbedding embedding;
  std::unique_ptr<const TraitProjection> traits;
  std::vector<const Space*> parts;  // of a blend
  SparseSpace sparse;               // of sparse rows, which `recommend` and `similar` do not scan
  CategoryRows category_rows;       // of `sparse`; empty where each item has a row
};

// A list by rank: items, distinct, and their scores, never rising.
struct RankedItems {
  std::span<const uint32_t> items;
  std::span<const float> scores;

  bool empty() const { return items.empty(); }
};

// How a model came to be ready, for the log.
struct LoadCost {
  double verify_seconds = 0;         // map, checks, checksums
  double derive_seconds = 0;         // parts computed because the bundle lacks them (a raw bundle)
  std::vector<std::string> derived;  // their names
};

struct ModelLoadOptions {
  std::string name = {};     // stands in where the bundle does not say one
  std::string version = {};  // unless empty (the folder of a model store), goes before the bundle's own
  LoadMode mode = LoadMode::kMap;
  // At kHeader nothing but a sealed bundle's header vouches for its tensors until VerifyAgain does. A raw bundle is
  // always checked whole.
  VerifyLevel verify = VerifyLevel::kChecksums;
  std::function<bool()> go_on = {};  // as OpenOptions::go_on
};

class Model {
 public:
  // Opens, checks and completes the bundle at `path`. Errors as BundleReader::Open.
  static absl::StatusOr<std::shared_ptr<const Model>> Load(const std::string& path, const ModelLoadOptions& options);
  static absl::StatusOr<std::shared_ptr<const Model>> Load(const std::string& path, std::string_view name = "",
                                                           std::string_view version = "") {
    return Load(path, ModelLoadOptions{.name = std::string(name), .version = std::string(version)});
  }

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::string& digest() const { return digest_; }  // as the bundle; computed over the header of a raw one
  const BundleInfo& info() const { return reader_->info(); }
  const LoadCost& cost() const { return cost_; }
  const TensorMap& tensors() const { return tensors_; }  // of the file and those derived at load

  uint32_t n_items() const { return items_.size(); }
  uint32_t n_users() const { return users_.size(); }
  const IdTable& items() const { return items_; }
  const IdTable& users() const { return users_; }
  const IdTable& categories() const { return categories_; }
  const IdTable& token_ids() const { return tokens_; }
  const IdTable& actions() const { return actions_; }

  // The display name of an item; its id when the bundle has none.
  std::string_view ItemName(uint32_t item) const;
  // The categories of an item, as indices into categories(); the items a user has seen, ascending.
  std::span<const uint32_t> ItemCategories(uint32_t item) const;
  std::span<const uint32_t> Seen(uint32_t user) const;
  // Bit i of word t: item 64t + i has the category. REQUIRES: category < categories().size().
  std::span<const uint64_t> CategoryBitmap(uint32_t category) const {
    return category_bitmaps_.subspan(category * item_words(), item_words());
  }
  // Of each user, with what each item is worth, of one length; empty where the bundle does not say what it is worth. Of
  // a file that was overwritten any number may come: whoever uses them as indices checks them.
  RowsView::Entries SeenEntries(uint32_t user) const { return seen_.RowEntries(user); }
  // Numeric attributes: names ascending, and [n_items] values of one, NaN where unknown; nullopt when there is none.
  const std::vector<std::string>& attribute_names() const { return attribute_names_; }
  std::optional<std::span<const float>> FindAttribute(std::string_view name) const;
  size_t item_words() const { return (size_t{n_items()} + 63) / 64; }  // of a bitmap over items
  // What each of those is worth, before any transform; empty when the bundle does not say.
  std::span<const float> SeenWeights(uint32_t user) const { return seen_.RowWeights(user); }
  // The list that the bundle holds ready for a user, who need not have a vector in any space. Items as SeenEntries.
  RankedItems Recommendations(uint32_t user) const {
    const RowsView::Entries list = recommendations_.RowEntries(user);
    return {list.values, list.weights};
  }
  std::span<const float> popularity() const { return popularity_; }                 // [n_items] or empty
  std::span<const uint32_t> popularity_order() const { return popularity_order_; }  // [n_items]

  const Space& default_space() const { return *default_space_; }
  // nullptr when there is no such space; "" is the default space.
  const Space* FindSpace(std::string_view name) const;
  const std::vector<std::unique_ptr<Space>>& spaces() const { return spaces_; }

  // What requests brought that this generation has no vector for; counted by whoever serves it.
  NewVocabulary& new_vocabulary() const { return *new_vocabulary_; }

  // Whether answers of this generation may not be believed any more: its map has lost pages, or somebody found it out
  // and said Poison. Two loads: asked before and after each request. Never false again once it was true.
  bool poisoned() const { return poisoned_.load(std::memory_order_acquire) || reader_->faulted(); }
  void Poison() const { poisoned_.store(true, std::memory_order_release); }
  LoadMode load_mode() const { return reader_->file().mode(); }

  // Whether the file is still the one that was mapped, by one fstat: DATA_LOSS where its size is another one,
  // FAILED_PRECONDITION where it was only written to, which VerifyAgain can look into. OK where its name went to
  // another file or to none, and of a copy.
  absl::Status CheckFile() const { return reader_->file().CheckUnchanged(); }

  // Lets go of what reading the map has made resident so far; it stays in the page cache. Nothing of a copy.
  void ReleasePages() const { reader_->file().ReleasePages(); }

  // One pass over the whole file at most so many bytes a second (not above 0: as fast as it can), against the checksums
  // of its header or, of a raw bundle, those taken at load. DATA_LOSS naming tensor and bytes. It reads past the map,
  // so that it neither faults nor makes pages resident; of a copy it reads the copy. `go_on` is asked many times a
  // second: false ends the pass early, with OK if nothing was found until then.
  absl::Status VerifyAgain(double max_bytes_per_second, const std::function<bool()>& go_on) const;

  // Makes resident, at most so many bytes a second, what any request may touch, so that none waits for a disk: all but
  // rows of users, spaces of sparse rows and golden queries. Nothing of a copy, which is. `go_on` as above.
  void Prefault(double max_bytes_per_second, const std::function<bool()>& go_on) const;

 private:
  Model() = default;
  absl::Status Bind();
  absl::Status BindSpace(const SpaceSpec& spec, Space* space);
  absl::Status BindFoldIn(Space* space);
  void BindTokens();

  std::shared_ptr<const BundleReader> reader_;
  std::vector<OwnedTensor> indices_;  // private copies (index_copies.h)
  std::vector<OwnedTensor> derived_;
  TensorMap tensors_;  // of the reader, indices_ in their place, and derived_
  std::string name_, version_, digest_;
  LoadCost cost_;
  IdTable items_, users_, categories_, tokens_, actions_, item_names_;
  RowsView seen_, recommendations_, item_categories_, item_tokens_;
  std::vector<int64_t> item_token_offsets_;  // of item_tokens_
  std::vector<uint32_t> item_token_values_;
  std::span<const uint64_t> category_bitmaps_;
  std::vector<std::string> attribute_names_;        // ascending
  std::vector<std::span<const float>> attributes_;  // of attribute_names_
  std::span<const uint32_t> popularity_order_;
  std::span<const float> popularity_, prior_;
  AlignedBuffer<float> padded_prior_;  // [tiles·64]
  std::vector<std::unique_ptr<Space>> spaces_;
  const Space* default_space_ = nullptr;
  std::unique_ptr<NewVocabulary> new_vocabulary_;
  mutable std::atomic<bool> poisoned_ = false;
};

}  // namespace kindred
