#include "trainer/linalg/procrustes.h"

#include <Eigen/SVD>

namespace kindred {

Eigen::MatrixXd ProcrustesRotation(const Eigen::MatrixXd& cross) {
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(cross, Eigen::ComputeFullU | Eigen::ComputeFullV);
  return svd.matrixU() * svd.matrixV().transpose();
}

}  // namespace kindred
