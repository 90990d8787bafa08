import { commonTexts } from '@/i18n/common/commonTexts';
import { useTexts } from '@/i18n/useTexts';
import styles from './Skeleton.module.css';
import { VisuallyHidden } from './VisuallyHidden';

/** Placeholder while data loads. Give it the height of the loaded content, so that the page does not shift. */
export function Skeleton({ height }: { readonly height: string }) {
  const t = useTexts(commonTexts);
  return (
    <div className={styles.skeleton} style={{ height }} role="status">
      <VisuallyHidden>{t('loading')}</VisuallyHidden>
    </div>
  );
}
