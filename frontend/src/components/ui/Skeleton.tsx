import { commonTexts } from '../../i18n/common';
import { useTexts } from '../../i18n/useTexts';
import styles from './Skeleton.module.css';

/** Holds the place of what is being loaded; give it the height of what comes, so that nothing moves. */
export function Skeleton({ height }: { readonly height: string }) {
  const t = useTexts(commonTexts);
  return (
    <div className={styles.skeleton} style={{ height }} role="status">
      <span className={styles.words}>{t('loading')}</span>
    </div>
  );
}
